//! Who does something: a person at the machine, the service itself, or somebody at the
//! listening room. A value that goes along with each call: one process may act for many.

use crate::store::word::{Word, vocabulary, words};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::OnceLock;

/// Longest name kept, bytes: names come from the environment.
const NAME_MAX: usize = 64;

/// The doer, as the log has him.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Who {
    /// Somebody with an account of the listening room.
    Web {
        /// Name of the account.
        web: String,
        /// Which of its sessions, without what would let anybody in.
        session: String,
        /// From where.
        address: IpAddr,
    },
    /// The recorder, by itself.
    Service {
        /// Which.
        service: Word<ServiceName>,
        /// The account it runs as.
        #[serde(flatten)]
        account: SystemAccount,
    },
    /// Somebody who ran a command.
    Os(SystemAccount),
}

words! {
    /// A program that writes to the log by itself.
    pub enum ServiceName {
        /// The recorder.
        Nauhuri = "nauhuri",
    }
}

vocabulary!(ServiceName);

/// An account of the operating system, and the person behind it as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemAccount {
    /// Its name, wherever the system has it from: files, LDAP, SSSD, Active Directory.
    #[serde(default)]
    pub user: Option<String>,
    /// Real user id.
    #[serde(default)]
    pub uid: u32,
    /// Name or number of the user who logged in: stays through sudo and su.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Who called sudo. Anybody may set a variable; but the log is written by root and by
    /// the store's own account only, who could write anything there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
    /// The terminal, where there is one: `pts/3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// Name of the machine.
    #[serde(default)]
    pub host: String,
    /// Process.
    #[serde(default)]
    pub pid: u32,
}

/// Who does something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub who: Who,
    /// When.
    pub at: Timestamp,
}

impl By {
    /// This, at that time.
    pub fn new(who: Who, at: Timestamp) -> By {
        By { who, at }
    }
}

impl Who {
    /// Who runs this process.
    pub fn of_process() -> Who {
        Who::Os(SystemAccount::of_process())
    }

    /// The recorder that this process is.
    pub fn of_service() -> Who {
        Who::Service { service: ServiceName::Nauhuri.into(), account: SystemAccount::of_process() }
    }

    /// For `by` in a sidecar and for lists: the person rather than the account, `kaisa` before `root`.
    pub fn name(&self) -> String {
        match self {
            Who::Web { web, .. } => web.clone(),
            Who::Service { service, .. } => service.to_string(),
            Who::Os(account) => account.name(),
        }
    }

    /// The account it was done with, `root` for `kaisa` behind sudo.
    pub fn account(&self) -> String {
        match self {
            Who::Web { web, .. } => web.clone(),
            Who::Service { account, .. } | Who::Os(account) => {
                account.user.clone().unwrap_or_else(|| account.uid.to_string())
            }
        }
    }

    /// Whether a person asks for this doer by one of the names he goes by.
    pub fn is_called(&self, name: &str) -> bool {
        let of = |account: &SystemAccount| {
            let names = [&account.user, &account.login, &account.sudo_user];
            names.into_iter().flatten().any(|n| n == name) || account.uid.to_string() == name
        };
        match self {
            Who::Web { web, .. } => web == name,
            Who::Service { service, account } => service.as_str() == name || of(account),
            Who::Os(account) => of(account),
        }
    }
}

impl SystemAccount {
    /// Of this process. The first call looks the names up, so it belongs before a sandbox
    /// that hides the list of accounts.
    pub fn of_process() -> SystemAccount {
        static OWN: OnceLock<SystemAccount> = OnceLock::new();
        OWN.get_or_init(SystemAccount::look_up).clone()
    }

    /// Of another process on this machine, as the kernel tells of it; names and terminal as they are here.
    pub fn of_peer(self, uid: u32, pid: u32) -> SystemAccount {
        let kept = |name: Option<String>| name.map(|name| plain(&name));
        SystemAccount {
            user: kept(self.user),
            login: kept(self.login),
            sudo_user: kept(self.sudo_user),
            tty: kept(self.tty),
            uid,
            pid,
            host: SystemAccount::of_process().host,
        }
    }

    fn look_up() -> SystemAccount {
        let uid = rustix::process::getuid().as_raw();
        let login = std::fs::read_to_string("/proc/self/loginuid").ok();
        let sudo_user = std::env::var("SUDO_USER").ok();
        SystemAccount {
            user: name_of(uid),
            uid,
            login: login.as_deref().and_then(login_of),
            sudo_user: sudo_user.map(|name| plain(&name)),
            tty: terminal(),
            host: plain(&rustix::system::uname().nodename().to_string_lossy()),
            pid: std::process::id(),
        }
    }

    fn name(&self) -> String {
        let names = [&self.sudo_user, &self.login, &self.user];
        names.into_iter().flatten().next().cloned().unwrap_or_else(|| self.uid.to_string())
    }
}

/// proc(5): all ones where nobody logged in, as for a service.
fn login_of(text: &str) -> Option<String> {
    let uid: u32 = text.trim().parse().ok().filter(|uid| *uid != u32::MAX)?;
    Some(name_of(uid).unwrap_or_else(|| uid.to_string()))
}

/// By getpwuid_r(3), which asks whatever the machine has its accounts from.
fn name_of(uid: u32) -> Option<String> {
    uzers::get_user_by_uid(uid).map(|user| plain(&user.name().to_string_lossy()))
}

/// ttyname(3) of standard input, without the `/dev/`.
fn terminal() -> Option<String> {
    let path = std::fs::read_link("/proc/self/fd/0").ok()?;
    let name = path.strip_prefix("/dev").ok()?.to_string_lossy().into_owned();
    (name.starts_with("pts/") || name.starts_with("tty")).then(|| plain(&name))
}

fn plain(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().filter(|c| !c.is_control()) {
        if out.len() + c.len_utf8() > NAME_MAX {
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_by_number() {
        assert_eq!(name_of(0).as_deref(), Some("root"));
        assert_eq!(name_of(4_000_000_000), None);
        assert_eq!(login_of("4294967295\n"), None);
        assert_eq!(login_of("0").as_deref(), Some("root"));
        assert_eq!(login_of("4000000000").as_deref(), Some("4000000000"));
    }

    #[test]
    fn the_person_before_the_account() {
        let mut account = SystemAccount { user: Some("root".into()), ..SystemAccount::default() };
        assert_eq!(account.name(), "root");
        account.sudo_user = Some("kaisa".into());
        let who = Who::Os(account);
        assert_eq!((who.name(), who.account()), ("kaisa".into(), "root".into()));
        assert!(who.is_called("kaisa") && who.is_called("root") && who.is_called("0") && !who.is_called("k"));
        assert_eq!(Who::Os(SystemAccount::default()).name(), "0");
        assert!(plain(&"x\n".repeat(100)).len() == NAME_MAX);
        assert!(SystemAccount::of_process().pid > 0);
    }

    #[test]
    fn each_kind_is_read_as_what_it_was() {
        let account = SystemAccount {
            user: Some("nauhuri".into()),
            uid: 995,
            host: "rec".into(),
            ..SystemAccount::default()
        };
        let web = Who::Web { web: "kaisa".into(), session: "7f".into(), address: [192, 0, 2, 7].into() };
        let service = Who::Service { service: ServiceName::Nauhuri.into(), account: account.clone() };
        for who in [web, service.clone(), Who::Os(account)] {
            let text = serde_json::to_string(&who).unwrap();
            assert_eq!(serde_json::from_str::<Who>(&text).unwrap(), who, "{text}");
        }
        assert_eq!(service.name(), "nauhuri");
        // As a later version may write it: nobody else is taken for it.
        let later = json!({ "service": "uploader", "uid": 995, "user": null, "host": "rec", "pid": 7 });
        let who: Who = serde_json::from_value(later.clone()).unwrap();
        assert!(who.name() == "uploader" && who.is_called("uploader") && !who.is_called("nauhuri"));
        assert_eq!(serde_json::to_value(&who).unwrap(), later);
        // As the version before wrote it.
        let old = json!({ "user": null, "uid": 1000, "login": "kaisa", "host": "rec", "pid": 7 });
        let Who::Os(account) = serde_json::from_value(old).unwrap() else { panic!("no account") };
        assert_eq!((account.uid, account.login.as_deref()), (1000, Some("kaisa")));
    }
}
