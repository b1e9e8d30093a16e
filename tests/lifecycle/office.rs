//! The commands as people run them, on a store of a test.

use super::{DAY_S, Store, day};
use nauhuri::time::{NS_PER_S, Timestamp};
use serde_json::Value;
use std::process::{Command, Output, Stdio};
use uuid::Uuid;

/// A store, its configuration, and the commands of the program.
pub struct Office {
    pub store: Store,
    /// Days from the tests' November to today.
    pub today: i64,
}

impl Office {
    pub fn new() -> Office {
        let store = Store::new();
        let now = Timestamp::from_jiff(jiff::Timestamp::now());
        let today = now.since_ns(day(0)) / (DAY_S * NS_PER_S);
        let config = format!(
            "[storage]\ndir = \"{}\"\n[retention]\nclock = \"any\"\n[[service]]\nname = \"116117\"\n\
             numbers = [\"116117\"]\nretention = \"1 month\"\n",
            store.root.display()
        );
        std::fs::write(store.outside().join("nauhuri.toml"), config).unwrap();
        Office { store, today }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nauhuri"));
        for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("NAUHURI__")) {
            command.env_remove(name);
        }
        command.args(args).arg("--config").arg(self.store.outside().join("nauhuri.toml"));
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What it prints, having ended with this status.
    pub fn ends(&self, status: i32, args: &[&str]) -> String {
        let out = self.run(args);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let all = text(&out.stdout) + &text(&out.stderr);
        assert_eq!(out.status.code(), Some(status), "{args:?}: {all}");
        all
    }

    pub fn record(&self, n: u8, answered: i64, until: i64) -> String {
        self.store.record(n, self.today + answered, self.today + until).to_string()
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let out = self.run(args);
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    }

    pub fn row(&self, id: &str) -> Option<nauhuri::archive::index::Row> {
        self.store.row(id.parse::<Uuid>().unwrap())
    }
}
