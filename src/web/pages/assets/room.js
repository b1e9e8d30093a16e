// Sends forms to the API, and plays sound. The pages are whole without it, but for these two.
"use strict";
(() => {
  const problems = document.getElementById("problems");
  const said = (kind) =>
    (problems.querySelector(`[data-kind="${CSS.escape(kind)}"]`) ?? problems.querySelector('[data-kind=""]')).textContent;

  const ask = (method, path, body) =>
    fetch(path, {
      method,
      headers: body === undefined ? { "X-Nauhuri": "1" } : { "X-Nauhuri": "1", "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });

  // What went wrong, in words of the page.
  const problem = async (answer) => {
    try {
      const told = await answer.json();
      const words = said(told.type);
      return told.type === "bad-request" && told.detail ? `${words} (${told.detail})` : words;
    } catch {
      return said("");
    }
  };

  const fields = (form) => {
    const body = {};
    for (const field of form.elements) {
      if (!field.name) continue;
      if (field.type === "checkbox") body[field.name] = field.checked;
      else if (field.value === "") continue;
      else if ("list" in field.dataset) body[field.name] = field.value.split(" ").filter((word) => word !== "");
      else if ("number" in field.dataset) body[field.name] = Number(field.value);
      else body[field.name] = field.value;
    }
    return body;
  };

  const leave = (next) => {
    if (next) location.assign(next);
    else location.reload();
  };

  const send = async (form) => {
    const alert = form.querySelector("[role=alert]");
    const buttons = form.querySelectorAll("button");
    alert.textContent = "";
    buttons.forEach((button) => (button.disabled = true));
    try {
      const { method, api, next, shows } = form.dataset;
      const answer = await ask(method, api, method === "DELETE" ? undefined : fields(form));
      if (!answer.ok) {
        // Whoever is out already has left.
        if (method === "DELETE" && answer.status === 401) return leave(next);
        alert.textContent = await problem(answer);
        return;
      }
      // Out at the sign-in service as well.
      const further = answer.headers.get("X-Nauhuri-Next");
      if (further) return leave(further);
      if (answer.headers.get("Content-Type") === "application/zip") return await save(answer);
      if (shows) {
        const box = document.getElementById(shows);
        box.querySelector(".secret").textContent = (await answer.json()).secret;
        box.hidden = false;
        box.querySelector("input").focus();
        return;
      }
      leave(next);
    } catch {
      alert.textContent = said("");
    } finally {
      buttons.forEach((button) => (button.disabled = false));
    }
  };

  const save = async (answer) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))?.[1] ?? "nauhuri.zip";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  };

  document.addEventListener("submit", (event) => {
    if (!event.target.dataset.api) return;
    event.preventDefault();
    send(event.target);
  });

  // The choice of a language is kept with the account.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-language]");
    if (!link || document.querySelector("form.out") === null) return;
    event.preventDefault();
    await ask("POST", "/api/v1/session/language", { language: link.dataset.language });
    const address = new URL(location);
    address.searchParams.delete("lang");
    location.assign(address);
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });

  // A page of somebody who has signed out is not shown again by the way back.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  const player = document.getElementById("player");
  if (player && player.dataset.audio) play(player);

  function play(player) {
    const $ = (id) => document.getElementById(id);
    const [wave, seek, button, clock, speed] = ["wave", "seek", "play", "clock", "speed"].map($);
    const mutes = { customer: $("mute-customer"), agent: $("mute-agent") };
    const alert = player.querySelector("[role=alert]");
    const reason = player.querySelector("[name=listen-reason]");
    const total = Number(player.dataset.duration);
    const audio = new Audio();
    audio.preload = "none";
    audio.preservesPitch = true;
    player.append(audio);
    let gains = null;
    let peaks = null;

    const words = (s) => {
      const whole = Math.max(0, Math.round(s));
      const [h, m, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
      const two = (n) => String(n).padStart(2, "0");
      return h > 0 ? `${h}:${two(m)}:${two(rest)}` : `${m}:${two(rest)}`;
    };

    // Each side by itself: split, weigh, join.
    const wire = () => {
      if (gains) return;
      const context = new AudioContext();
      const source = context.createMediaElementSource(audio);
      const [split, join] = [context.createChannelSplitter(2), context.createChannelMerger(2)];
      source.connect(split);
      gains = { customer: context.createGain(), agent: context.createGain() };
      split.connect(gains.customer, 0).connect(join, 0, 0);
      split.connect(gains.agent, 1).connect(join, 0, 1);
      join.connect(context.destination);
      context.resume();
      weigh();
    };

    const weigh = () => {
      for (const side of ["customer", "agent"]) {
        if (gains) gains[side].gain.value = mutes[side].checked ? 0 : 1;
      }
      draw();
    };

    const source = () => {
      const path = player.dataset.audio;
      if (!reason) return path;
      return reason.value ? `${path}?reason=${encodeURIComponent(reason.value)}` : null;
    };

    const toggle = async () => {
      alert.textContent = "";
      if (!audio.paused) return audio.pause();
      const path = source();
      if (!path) {
        alert.textContent = said("reason-missing");
        reason.focus();
        return;
      }
      if (audio.getAttribute("src") !== path) {
        audio.src = path;
        audio.currentTime = Number(seek.value);
      }
      wire();
      try {
        await audio.play();
      } catch {
        const answer = await fetch(path, { headers: { Range: "bytes=0-0" }, cache: "no-store" });
        alert.textContent = answer.ok ? said("") : await problem(answer);
      }
    };

    const show = () => {
      const at = audio.getAttribute("src") ? audio.currentTime : Number(seek.value);
      seek.value = at;
      seek.setAttribute("aria-valuetext", words(at));
      clock.textContent = `${words(at)} / ${words(total)}`;
      draw(at);
    };

    const go = (to) => {
      const at = Math.min(Math.max(0, to), total);
      seek.value = at;
      if (audio.getAttribute("src")) audio.currentTime = at;
      show();
    };

    const draw = (at = Number(seek.value)) => {
      const box = wave.getBoundingClientRect();
      const scale = window.devicePixelRatio || 1;
      wave.width = Math.max(1, Math.round(box.width * scale));
      wave.height = Math.max(1, Math.round(box.height * scale));
      const pen = wave.getContext("2d");
      const style = getComputedStyle(document.documentElement);
      const colour = (name) => style.getPropertyValue(name).trim();
      const half = wave.height / 2;
      if (peaks) {
        ["customer", "agent"].forEach((side, lane) => {
          const middle = half * lane + half / 2;
          const step = wave.width / Math.max(1, peaks[side].length);
          pen.globalAlpha = mutes[side].checked ? 0.3 : 1;
          pen.fillStyle = colour(`--${side}`);
          peaks[side].forEach(([low, high], n) => {
            const top = middle - (high / 128) * (half / 2);
            const height = Math.max(scale, ((high - low) / 128) * (half / 2));
            pen.fillRect(n * step, top, Math.max(1, step), height);
          });
        });
        pen.globalAlpha = 1;
      }
      pen.fillStyle = colour("--line");
      player.querySelectorAll("[data-at]").forEach((mark) => {
        pen.fillRect((Number(mark.dataset.at) / total) * wave.width, 0, scale, wave.height);
      });
      pen.fillStyle = colour("--ink");
      pen.fillRect((at / total) * wave.width - scale, 0, 2 * scale, wave.height);
    };

    button.addEventListener("click", toggle);
    for (const [event, key] of [["play", "sayPause"], ["pause", "sayPlay"], ["ended", "sayPlay"]]) {
      audio.addEventListener(event, () => (button.textContent = player.dataset[key]));
    }
    audio.addEventListener("timeupdate", show);
    seek.addEventListener("input", () => go(Number(seek.value)));
    seek.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30 };
      if (event.key in steps) go(Number(seek.value) + steps[event.key]);
      else if (event.key === "Home") go(0);
      else if (event.key === "End") go(total);
      else if (event.key === " ") toggle();
      else return;
      event.preventDefault();
    });
    wave.addEventListener("click", (event) => {
      const box = wave.getBoundingClientRect();
      go(((event.clientX - box.left) / box.width) * total);
    });
    speed.addEventListener("change", () => {
      audio.defaultPlaybackRate = audio.playbackRate = Number(speed.value);
    });
    Object.values(mutes).forEach((box) => box.addEventListener("change", weigh));
    player.addEventListener("click", (event) => {
      const mark = event.target.closest("[data-at]");
      if (mark) go(Number(mark.dataset.at));
    });
    window.addEventListener("resize", () => draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
    fetch(player.dataset.peaks, { cache: "no-store" })
      .then((answer) => (answer.ok ? answer.json() : null))
      .then((found) => {
        peaks = found;
        draw();
      })
      .catch(() => draw());
    show();
  }
})();
