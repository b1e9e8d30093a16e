//! Who is doing it: the person behind the process, as far as the system knows.

use serde::{Deserialize, Serialize};

/// Longest name kept, bytes: names come from the environment.
const NAME_MAX: usize = 64;

/// The doer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Name of the real user id, where `/etc/passwd` has it.
    pub user: Option<String>,
    /// Real user id.
    pub uid: u32,
    /// Name or number of the user who logged in: stays through sudo and su.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Who called sudo. Believed of root only: anybody may set a variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
    /// Name of the machine.
    pub host: String,
    /// Process.
    pub pid: u32,
}

impl Who {
    /// Of this process.
    pub fn of_process() -> Who {
        let uid = rustix::process::getuid().as_raw();
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let login = std::fs::read_to_string("/proc/self/loginuid").ok();
        let sudo_user = std::env::var("SUDO_USER").ok().filter(|_| uid == 0);
        Who {
            user: name_of(uid, &passwd),
            uid,
            login: login.as_deref().and_then(|text| login_of(text, &passwd)),
            sudo_user: sudo_user.map(|name| plain(&name)),
            host: plain(&rustix::system::uname().nodename().to_string_lossy()),
            pid: std::process::id(),
        }
    }

    /// For `by` in a sidecar: the person rather than the account, `kaisa` before `root`.
    pub fn name(&self) -> String {
        let names = [&self.sudo_user, &self.login, &self.user];
        names.into_iter().flatten().next().cloned().unwrap_or_else(|| self.uid.to_string())
    }
}

/// proc(5): all ones where nobody logged in, as for a service.
fn login_of(text: &str, passwd: &str) -> Option<String> {
    let uid: u32 = text.trim().parse().ok().filter(|uid| *uid != u32::MAX)?;
    Some(name_of(uid, passwd).unwrap_or_else(|| uid.to_string()))
}

/// passwd(5): name, password, uid.
fn name_of(uid: u32, passwd: &str) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| plain(name))
    })
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

    #[test]
    fn names_by_number() {
        let passwd = "root:x:0:0:root:/:/bin/sh\nbroken\nkaisa:x:1000:1000::/home/kaisa:/bin/sh\n";
        assert_eq!(name_of(1000, passwd).as_deref(), Some("kaisa"));
        assert_eq!(name_of(1001, passwd), None);
        assert_eq!(login_of("4294967295\n", passwd), None);
        assert_eq!(login_of("1000", passwd).as_deref(), Some("kaisa"));
        assert_eq!(login_of("77", passwd).as_deref(), Some("77"));
    }

    #[test]
    fn the_person_before_the_account() {
        let mut who = Who { user: Some("root".into()), ..Who::default() };
        assert_eq!(who.name(), "root");
        who.sudo_user = Some("kaisa".into());
        assert_eq!(who.name(), "kaisa");
        assert_eq!(Who::default().name(), "0");
        assert!(plain(&"x\n".repeat(100)).len() == NAME_MAX);
        assert!(Who::of_process().pid > 0);
    }
}
