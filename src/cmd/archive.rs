//! The store as the commands after the call find it: configuration, index, clock.
//!
//! Opening makes the index agree with the folders, so a command sees what is on
//! disk whether the daemon runs or not. Must not know what a command does.

use super::settings::{self, DefaultFile};
use crate::archive::index::{Index, IndexError, Row, rebuild};
use crate::archive::search::{IdPart, Search};
use crate::cli::Cli;
use crate::cli::search::{Flag, SearchArgs};
use crate::config::Config;
use crate::config::check::Purpose;
use crate::config::compiled::NumberForm;
use crate::custody::audit::{AuditLog, Draft, Who};
use crate::store::calendar::ago;
use crate::store::layout::Walk;
use crate::store::mark;
use crate::time::Timestamp;
use anyhow::{Context, bail};
use jiff::tz::TimeZone;
use std::path::PathBuf;

/// A store of at most so many files is indexed without being asked.
const SMALL: usize = 20_000;

/// Names an id may stand for that an error tells.
const TOLD: usize = 5;

/// Where the store is, before anything of it is opened.
#[derive(Debug)]
pub struct Place {
    /// The configuration.
    pub config: Config,
    /// `storage.dir`
    pub root: PathBuf,
    /// Index, tombstones and audit log.
    pub state: PathBuf,
    /// Whose calendar counts.
    pub zone: TimeZone,
    /// The present.
    pub now: Timestamp,
}

/// An open store.
#[derive(Debug)]
pub struct Archive {
    /// Where it is.
    pub place: Place,
    /// Its index, in step with the folders.
    pub index: Index,
}

impl Place {
    /// Loads the configuration, and sees that the folder is there and is the
    /// state's.
    ///
    /// # Errors
    /// A wrong configuration (exit status 2), no such folder, a wrong mount.
    pub fn find(cli: &Cli) -> anyhow::Result<Place> {
        let loaded = settings::load(&cli.global, DefaultFile::Required, Purpose::Other, Vec::new())?;
        let config = loaded.config;
        let root = config.storage.dir.clone();
        if !root.is_dir() {
            bail!("{}: there is no such folder (storage.dir)", root.display());
        }
        let state = mark::state_folder(&root, config.storage.state.as_deref());
        mark::must_be(&root, &config.storage.id)?;
        mark::check(&root, &state)?;
        let zone = settings::timezone(&config)?;
        Ok(Place { root, state, zone, now: Timestamp::from_jiff(jiff::Timestamp::now()), config })
    }

    /// What the arguments ask for.
    pub fn search(&self, args: &SearchArgs) -> Search {
        let search = args.search(&self.zone, &NumberForm::new(&self.config.numbers), self.now);
        let is_review = args.flag.contains(&Flag::Review);
        let before = is_review.then(|| ago(&self.config.retention.hold_review, self.now)).flatten();
        Search { unconfirmed_before: before, ..search }
    }

    /// Opens the index and compares it with the folders that changed. A small
    /// store without an index gets one; a large one says which command builds it.
    ///
    /// # Errors
    /// What the index says.
    pub fn open(self) -> anyhow::Result<Archive> {
        let mut index = match Index::open(&self.state) {
            Ok(index) => index,
            Err(e) if e.needs_rebuild() && self.is_small() => self.build()?,
            Err(e) => return Err(e.into()),
        };
        index.reconcile(&self.root).context("the index cannot be brought up to date")?;
        Ok(Archive { place: self, index })
    }

    /// The audit log, written as the person behind this process.
    pub fn audit(&self) -> AuditLog {
        let anchor = Some(self.config.audit.anchor.clone()).filter(|path| !path.as_os_str().is_empty());
        AuditLog::new(&self.state, anchor, Who::of_process())
    }

    /// Says in the audit log what is done. Called before anything is shown or
    /// changed: what cannot be logged is not done.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn note(&self, draft: Draft) -> anyhow::Result<()> {
        if !self.state.is_dir() {
            mark::enter(&self.root, &self.state, self.now)?;
        }
        let (_, trouble) = self.audit().append(self.now, [draft])?;
        if let Some(trouble) = trouble {
            eprintln!("nauhuri: {trouble}");
        }
        Ok(())
    }

    fn is_small(&self) -> bool {
        Walk::new(&self.root).take(SMALL + 1).count() <= SMALL
    }

    fn build(&self) -> Result<Index, IndexError> {
        rebuild(&self.root, &self.state, &mut |_| ())?;
        Index::open(&self.state)
    }
}

impl Archive {
    /// Finds the store of this command line and opens it.
    ///
    /// # Errors
    /// See [`Place::find`] and [`Place::open`].
    pub fn open(cli: &Cli) -> anyhow::Result<Archive> {
        Place::find(cli)?.open()
    }

    /// What the arguments ask for.
    pub fn search(&self, args: &SearchArgs) -> Search {
        self.place.search(args)
    }

    /// The one recording an id stands for.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub fn one(&self, id: IdPart) -> anyhow::Result<Row> {
        let mut rows = self.index.named(id)?;
        match rows.len() {
            0 => bail!("{}", self.unknown(id)?),
            1 => Ok(rows.remove(0)),
            n => {
                let some: Vec<String> = rows.iter().take(TOLD).map(|r| r.id.to_string()).collect();
                bail!("{id}: stands for {n} recordings: {}", some.join(", "))
            }
        }
    }

    /// The recordings the arguments ask for, by the time of the answer.
    ///
    /// # Errors
    /// An id that stands for none, or eight digits that stand for several.
    pub fn meant(&self, args: &SearchArgs) -> anyhow::Result<Vec<Row>> {
        self.must_be_known(args)?;
        Ok(self.index.find(&self.search(args))?)
    }

    /// Every id stands for something, and eight digits for one thing.
    ///
    /// # Errors
    /// Names all that do not.
    pub fn must_be_known(&self, args: &SearchArgs) -> anyhow::Result<()> {
        let mut wrong = Vec::new();
        for id in &args.ids {
            match (id, self.index.named(*id)?.len()) {
                (_, 0) => wrong.push(self.unknown(*id)?),
                (IdPart::Short(_), 2..) => wrong.extend(self.one(*id).err().map(|e| e.to_string())),
                _ => {}
            }
        }
        if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
    }

    /// Why there is nothing under an id.
    fn unknown(&self, id: IdPart) -> Result<String, IndexError> {
        let buried = match id {
            IdPart::Full(uuid) => self.index.tombstone(uuid)?,
            IdPart::Short(_) => None,
        };
        Ok(match buried {
            Some(t) => format!("{id}: deleted at {}", t.deleted_at),
            None => format!("{id}: no such recording"),
        })
    }
}
