//! The store as the commands after the call find it: configuration, place, index, clock,
//! and who asks. Must not know what a command does.

use super::output::remark;
use super::settings::{self, DefaultFile};
use super::usage::Usage;
use crate::archive::index::{Index, IndexError, Row};
use crate::archive::search::{Flag, IdPart, Search};
use crate::archive::{Archive, NoIndex, Place};
use crate::cli::Cli;
use crate::cli::search::SearchArgs;
use crate::config::Config;
use crate::config::check::Purpose;
use crate::config::compiled::NumberForm;
use crate::custody::audit::{AuditLog, By, Draft, Who};
use crate::store::calendar::ago;
use crate::store::files::Folder;
use crate::store::layout::open_state;
use crate::store::register::{Register, RegisterEntry};
use crate::store::{StoreError, mark};
use crate::time::Timestamp;
use anyhow::bail;
use jiff::tz::TimeZone;
use std::io;
use std::path::PathBuf;

/// Names an id may stand for that an error tells.
const TOLD: usize = 5;

/// A store and whoever asks for it, before anything of it is opened.
#[derive(Debug)]
pub struct Site {
    /// The configuration.
    pub config: Config,
    /// Where it is.
    pub place: Place,
    /// `storage.dir`
    pub root: PathBuf,
    /// Index, tombstones and audit log.
    pub state: PathBuf,
    /// Whose calendar counts.
    pub zone: TimeZone,
    /// The present.
    pub now: Timestamp,
    /// Who asks, and when.
    pub by: By,
}

/// An open store.
#[derive(Debug)]
pub struct Opened {
    /// Where it is.
    pub site: Site,
    /// Its recordings.
    pub store: Folder,
    /// Its index, in step with the folders.
    pub index: Index,
}

/// A store of somebody else.
#[derive(Debug, thiserror::Error)]
#[error(
    "the recordings in {root} belong to {owner}, and every command writes to the audit log beside them: \
     run it as `sudo -u {owner} nauhuri ...`",
    root = root.display()
)]
struct NotOurs {
    root: PathBuf,
    owner: String,
}

impl Site {
    /// Loads the configuration, and sees that the folder is there, is the
    /// state's, and that this user may work with it.
    ///
    /// # Errors
    /// A wrong configuration (exit status 2), no such folder, a wrong mount, somebody else's store.
    pub fn find(cli: &Cli) -> anyhow::Result<Site> {
        let loaded = settings::load(&cli.global, DefaultFile::Required, Purpose::Other, Vec::new())?;
        let config = loaded.config;
        let place = Place::of(&config.storage);
        must_be_ours(&place)?;
        place.enter()?;
        let zone = config.retention.timezone.rules().clone();
        let now = Timestamp::from_jiff(jiff::Timestamp::now());
        let (root, state) = (place.root.clone(), place.state.clone());
        Ok(Site { root, state, place, zone, now, by: By::new(Who::of_process(), now), config })
    }

    /// What the arguments ask for.
    ///
    /// # Errors
    /// [`Usage`]: a time that ends before it begins.
    pub fn search(&self, args: &SearchArgs) -> anyhow::Result<Search> {
        let search = args.search(&self.zone, &NumberForm::new(&self.config.numbers), self.now);
        if search.since.zip(search.until).is_some_and(|(since, until)| since >= until) {
            return Err(Usage("--since must lie before --until".into()).into());
        }
        let is_review = args.flag.contains(&Flag::Review);
        let before = is_review.then(|| ago(self.config.retention.hold_review, self.now));
        Ok(Search { unconfirmed_before: before, ..search })
    }

    /// Opens the index and compares it with the folders that changed. A small
    /// store without an index gets one; a large one says which command builds it.
    ///
    /// # Errors
    /// What the index says.
    pub fn open(self) -> anyhow::Result<Opened> {
        let Archive { store, index } = Archive::open(&self.place, NoIndex::BuildSmall)?;
        Ok(Opened { site: self, store, index })
    }

    /// Hands over every answered call of the register that was not recorded. Without its state a
    /// store has no register either.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn each_unrecorded(&self, take: impl FnMut(RegisterEntry)) -> Result<(), StoreError> {
        match open_state(&self.state) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            state => Register::new(state?).read(take),
        }
    }

    /// The audit log.
    pub fn audit(&self) -> AuditLog {
        AuditLog::of(&self.state, &self.config.audit)
    }

    /// Says in the audit log what is done. Called before anything is shown or
    /// changed: what cannot be logged is not done.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn note(&self, draft: Draft) -> anyhow::Result<()> {
        self.note_all([draft])
    }

    /// Adds entries to the audit log, all of them or none.
    ///
    /// # Errors
    /// See [`Site::note`].
    pub fn note_all(&self, drafts: impl IntoIterator<Item = Draft>) -> anyhow::Result<()> {
        if !self.state.is_dir() {
            mark::enter(&self.root, &self.state, self.now)?;
        }
        let (_, trouble) = self.audit().append(&self.by, drafts)?;
        if let Some(trouble) = trouble {
            remark(format_args!("nauhuri: {trouble}"));
        }
        Ok(())
    }
}

/// Root and the store's own user work with it; anybody else would fail at the first
/// file, with a message that says nothing of the remedy.
fn must_be_ours(place: &Place) -> Result<(), anyhow::Error> {
    let user = rustix::process::geteuid();
    let owner = match std::fs::metadata(&place.root) {
        Ok(known) => std::os::unix::fs::MetadataExt::uid(&known),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            return Err(NotOurs { root: place.root.clone(), owner: "nauhuri".into() }.into());
        }
        // Whoever opens it says what is wrong.
        Err(_) => return Ok(()),
    };
    if user.is_root() || user.as_raw() == owner {
        return Ok(());
    }
    let name = uzers::get_user_by_uid(owner).map(|user| user.name().to_string_lossy().into_owned());
    let owner = name.unwrap_or_else(|| format!("'#{owner}'"));
    Err(NotOurs { root: place.root.clone(), owner }.into())
}

impl Opened {
    /// Finds the store of this command line and opens it.
    ///
    /// # Errors
    /// See [`Site::find`] and [`Site::open`].
    pub fn open(cli: &Cli) -> anyhow::Result<Opened> {
        Site::find(cli)?.open()
    }

    /// What the arguments ask for.
    ///
    /// # Errors
    /// [`Usage`]: a time that ends before it begins, a service that never was.
    pub fn search(&self, args: &SearchArgs) -> anyhow::Result<Search> {
        let search = self.site.search(args)?;
        if let Some(service) = &search.service {
            self.must_be_a_service(service)?;
        }
        Ok(search)
    }

    /// One of the configuration, or of a recording that was made under another one.
    fn must_be_a_service(&self, name: &str) -> anyhow::Result<()> {
        let config = &self.site.config;
        let names: Vec<&str> = config
            .service
            .iter()
            .map(|service| service.name.as_str())
            .chain([config.service_default.name.as_str()])
            .collect();
        let of_it = Search { service: Some(name.to_owned()), ..Search::default() };
        if names.contains(&name) || self.index.any(&of_it)? {
            return Ok(());
        }
        let known = names.join(", ");
        Err(Usage(format!("no service `{name}`, neither configured nor recorded: there are {known}")).into())
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
    pub fn find_rows(&self, args: &SearchArgs) -> anyhow::Result<Vec<Row>> {
        self.must_be_known(args)?;
        Ok(self.index.find(&self.search(args)?)?)
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
