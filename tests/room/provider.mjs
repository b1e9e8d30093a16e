// A real OpenID Connect provider for the tests: oidc-provider, with one door more (/test/...) by which a test
// says who signs in, which groups he is in, and how the tokens are to be spoiled.
//
// node provider.mjs PORT ROOM   (run where node_modules is; ROOM: address of the room, such as http://127.0.0.1:9)
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const need = createRequire(process.cwd() + "/");
const load = async (name) => import(pathToFileURL(need.resolve(name)).href);
const { default: Provider } = await load("oidc-provider");
const { SignJWT, decodeJwt, exportJWK, generateKeyPair, importJWK } = await load("jose");

const [port, room] = [Number(process.argv[2]), process.argv[3]];
const issuer = `http://127.0.0.1:${port}`;
const pair = async () => exportJWK((await generateKeyPair("RS256", { extractable: true })).privateKey);
const [key, stranger] = [{ ...(await pair()), kid: "one", use: "sig", alg: "RS256" }, await pair()];

// What the test's door changes.
const door = { sub: "u1", people: {}, spoil: null, deny: false };

const provider = new Provider(issuer, {
  clients: [{
    client_id: "room",
    client_secret: "secret of the room",
    redirect_uris: [`${room}/sign-in/provider/back`],
    post_logout_redirect_uris: [`${room}/sign-in`],
    backchannel_logout_uri: `${room}/sign-in/provider/signed-out`,
    backchannel_logout_session_required: true,
  }],
  jwks: { keys: [key] },
  cookies: { keys: ["of the test"] },
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      // No question: out at once.
      logoutSource: async (ctx, form) => {
        ctx.body = `<!doctype html><title>out</title>${form.replace("</form>", '<input type="hidden" name="logout" value="yes"></form>')}` +
          "<script>document.forms[0].submit()</script>";
      },
    },
  },
  findAccount: async (_ctx, sub) => ({ accountId: sub, claims: async () => ({ sub, ...door.people[sub] }) }),
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
});

// Spoils tokens as the test asks.
provider.use(async (ctx, next) => {
  await next();
  if (ctx.path !== "/token" || !door.spoil || !ctx.body?.id_token) return;
  const claims = { ...decodeJwt(ctx.body.id_token), ...door.spoil.claims };
  const with_key = await importJWK(door.spoil.key === "stranger" ? stranger : key, "RS256");
  ctx.body.id_token = await new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "one" }).sign(with_key);
});

const body = async (req) => {
  let text = "";
  for await (const piece of req) text += piece;
  return text;
};

const interaction = async (req, res) => {
  const { prompt, params } = await provider.interactionDetails(req, res);
  if (door.deny) return provider.interactionFinished(req, res, { error: "access_denied" });
  if (prompt.name === "login") return provider.interactionFinished(req, res, { login: { accountId: door.sub } });
  const grant = new provider.Grant({ accountId: door.sub, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
};

const app = provider.callback();
createServer(async (req, res) => {
  try {
    if (req.url === "/test") {
      Object.assign(door, JSON.parse(await body(req)));
      return res.end("ok");
    }
    if (req.url.startsWith("/interaction/")) return await interaction(req, res);
    return app(req, res);
  } catch (error) {
    res.statusCode = 500;
    res.end(String(error?.stack ?? error));
  }
}).listen(port, "127.0.0.1", () => console.log("ready"));
