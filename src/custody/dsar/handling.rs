//! What is done with a request: taken, identified, extended, decided, carried out.
//!
//! Each act is judged here, told to the audit log and then written into the book, for the
//! commands and for the room alike. Whoever decides that recordings are erased or restricted
//! has it done by the code of those commands.

use super::super::audit::{Action, By, Draft, EntryFacts, Outcome, Why, facts};
use super::super::deleted::Deleted;
use super::super::erase::HELD;
use super::super::keeper::Keeper;
use super::book::RequestBook;
use super::due::{EXTENSION_MAX, due};
use super::error::DsarError;
use super::letters::{Letter, LetterKind};
use super::subject::{
    Decided, Extended, NewRequest, RequestOutcome, RequestStanding, SubjectRequest, SubjectRight,
};
use super::unanswered::standing;
use crate::archive::index::Row;
use crate::config::compiled::NumberForm;
use crate::pii::Pii;
use crate::store::calendar::local_date;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

/// Longest name, address or text of a request, characters.
const TEXT_MAX: usize = 2_000;
/// Most recordings of one request.
const RECORDINGS_MAX: usize = 1_000;
/// What a request is not, whose time to keep the name is over.
const PRUNED: &str = "the name is kept no longer (dsar.keep)";

/// What a decision does to the recordings of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CarryOut {
    /// Erases them.
    Erase,
    /// Closes them to listening and export.
    Restrict,
    /// Nothing: it is done otherwise, or there is nothing to do.
    Nothing,
}

impl CarryOut {
    /// What goes by itself with what is asked for.
    pub const fn usual(right: SubjectRight) -> CarryOut {
        match right {
            SubjectRight::Erase => CarryOut::Erase,
            SubjectRight::Restrict => CarryOut::Restrict,
            SubjectRight::Access | SubjectRight::Rectify | SubjectRight::Object => CarryOut::Nothing,
        }
    }
}

/// A decision.
#[derive(Clone, Debug)]
pub struct Ruling {
    /// How.
    pub outcome: RequestOutcome,
    /// The law on which something is refused or put off.
    pub ground: Option<String>,
    /// In words, for the letter.
    pub why: Option<Pii<String>>,
    /// What is done to the recordings; `None`: as is usual.
    pub carry_out: Option<CarryOut>,
    /// Of a request that is granted in part, the recordings that it is granted for.
    pub recordings: Option<Vec<Uuid>>,
}

impl Ruling {
    /// What is to be done to recordings.
    pub fn carries_out(&self, right: SubjectRight) -> CarryOut {
        match self.outcome {
            RequestOutcome::Granted | RequestOutcome::Partly => {
                self.carry_out.unwrap_or(CarryOut::usual(right))
            }
            RequestOutcome::Refused | RequestOutcome::Deferred => CarryOut::Nothing,
        }
    }
}

/// The book of a store, open for somebody.
#[derive(Debug)]
pub struct Handling<'a> {
    pub(super) keeper: &'a mut Keeper,
    pub(super) book: RequestBook,
    pub(super) by: &'a By,
    pub(super) zone: &'a TimeZone,
}

impl<'a> Handling<'a> {
    /// Opens the book, or makes it.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(keeper: &'a mut Keeper, by: &'a By, zone: &'a TimeZone) -> Result<Handling<'a>, DsarError> {
        let book = RequestBook::open(keeper.audit().state())?;
        Ok(Handling { keeper, book, by, zone })
    }

    /// Today, where the office is.
    pub fn today(&self) -> Date {
        local_date(self.by.at, self.zone)
    }

    fn tell(
        &mut self,
        request: &SubjectRequest,
        action: Action,
        detail: EntryFacts,
    ) -> Result<(), DsarError> {
        let draft = draft(request, action, detail);
        Ok(self.keeper.append_audit(self.by, draft)?)
    }

    /// Takes a request; its number.
    ///
    /// # Errors
    /// Something about it makes no sense; book or log cannot be written.
    pub fn add(&mut self, new: &NewRequest, numbers: &NumberForm) -> Result<i64, DsarError> {
        let today = self.today();
        if new.received > today {
            return Err(DsarError::Unfit("received: lies in the future".into()));
        }
        if new.recordings.len() > RECORDINGS_MAX {
            return Err(DsarError::Unfit(format!("recordings: at most {RECORDINGS_MAX}")));
        }
        for (key, text, may_be_empty) in [
            ("name", Some(&new.name), false),
            ("address", Some(&new.address), true),
            ("identity", new.identity.as_ref(), false),
        ] {
            if let Some(text) = text {
                fits(key, text, may_be_empty)?;
            }
        }
        let detail = |n: i64| {
            facts! {
                Dsar: n, Right: new.right.name(), Received: new.received.to_string(),
                Channel: new.channel.name(), Due: due(new.received, 0).to_string(),
            }
        };
        let why = Why { case: Some(new.case.clone()), ..Why::default() };
        let draft = Draft::new(Action::DsarAdd).on(new.recordings.iter().copied()).why(why);
        let (keeper, by) = (&mut *self.keeper, self.by);
        self.book.add(new, numbers, by, today, |n| Ok(keeper.append_audit(by, draft.detail(detail(n)))?))
    }

    /// One request, and how it stands; nothing is told.
    ///
    /// # Errors
    /// There is none; book or index cannot be read.
    pub fn get(&self, n: i64) -> Result<(SubjectRequest, RequestStanding), DsarError> {
        let request = self.book.get(n)?.ok_or(DsarError::Unknown(n))?;
        let standing = standing(&request, self.keeper.index())?;
        Ok((request, standing))
    }

    /// One request that is looked at.
    ///
    /// # Errors
    /// As [`Handling::get`]; the log cannot be written.
    pub fn show(&mut self, n: i64) -> Result<(SubjectRequest, RequestStanding), DsarError> {
        let found = self.get(n)?;
        self.tell(&found.0, Action::DsarShow, EntryFacts::default())?;
        Ok(found)
    }

    /// Those that are waited for, and those put off: the one that is due first, first.
    ///
    /// # Errors
    /// Book or index cannot be read, the log not be written.
    pub fn undecided(&mut self) -> Result<Vec<(SubjectRequest, RequestStanding)>, DsarError> {
        self.keeper.append_audit(self.by, Draft::new(Action::DsarShow))?;
        self.with_standing(self.book.undecided()?)
    }

    /// The newest before number `before`.
    ///
    /// # Errors
    /// As [`Handling::undecided`].
    pub fn page(
        &mut self,
        before: i64,
        limit: usize,
    ) -> Result<Vec<(SubjectRequest, RequestStanding)>, DsarError> {
        self.keeper.append_audit(self.by, Draft::new(Action::DsarShow))?;
        self.with_standing(self.book.page(before, limit)?)
    }

    fn with_standing(
        &self,
        requests: Vec<SubjectRequest>,
    ) -> Result<Vec<(SubjectRequest, RequestStanding)>, DsarError> {
        let of = |request: SubjectRequest| {
            let standing = standing(&request, self.keeper.index())?;
            Ok((request, standing))
        };
        requests.into_iter().map(of).collect()
    }

    /// Recordings of a request that are still there.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn rows(&self, request: &SubjectRequest) -> Result<Vec<Row>, DsarError> {
        let mut rows = Vec::new();
        for id in &request.recordings {
            rows.extend(self.keeper.index().get(*id)?);
        }
        Ok(rows)
    }

    /// Adds recordings that a request is about.
    ///
    /// # Errors
    /// It is decided; book or log cannot be written.
    pub fn link(&mut self, n: i64, recordings: &[Uuid]) -> Result<(), DsarError> {
        let (request, standing) = self.get(n)?;
        must_wait(&request, standing)?;
        if request.recordings.len() + recordings.len() > RECORDINGS_MAX {
            return Err(DsarError::Unfit(format!("recordings: at most {RECORDINGS_MAX}")));
        }
        let draft = draft(&request, Action::DsarChange, facts! { Change: "recordings" });
        let draft = Draft { targets: recordings.to_vec(), ..draft };
        self.keeper.append_audit(self.by, draft)?;
        self.book.link(n, recordings)
    }

    /// Writes down how the identity was checked, or with `None` that proof of it was asked for.
    ///
    /// # Errors
    /// It is decided; book or log cannot be written.
    pub fn identify(&mut self, n: i64, how: Option<&Pii<String>>) -> Result<(), DsarError> {
        let (request, standing) = self.get(n)?;
        must_wait(&request, standing)?;
        if let Some(how) = how {
            fits("identity", how, false)?;
        }
        let change = if how.is_some() { "identity checked" } else { "identity asked for" };
        self.tell(&request, Action::DsarChange, facts! { Change: change })?;
        self.book.identify(n, how, self.by, self.today())
    }

    /// Extends the time by so many months after the first, with a reason.
    ///
    /// # Errors
    /// The last day is over, or it is decided or extended as far as it can be.
    pub fn extend(&mut self, n: i64, months: u8, why: &Pii<String>) -> Result<Date, DsarError> {
        let (request, standing) = self.get(n)?;
        fits("why", why, false)?;
        if standing != RequestStanding::Open {
            return Err(DsarError::Conflict { n, why: "it is decided already" });
        }
        if !(1..=EXTENSION_MAX).contains(&months) {
            return Err(DsarError::Unfit(format!("months: 1 to {EXTENSION_MAX}")));
        }
        if request.extended.as_ref().is_some_and(|extended| extended.months >= months) {
            return Err(DsarError::Conflict { n, why: "it is extended so far already" });
        }
        if self.today() > request.due {
            let why = "its last day is over: it can be extended only before (GDPR Art. 12(3))";
            return Err(DsarError::Conflict { n, why });
        }
        let until = due(request.received, months);
        let detail = facts! { Months: months, Due: until.to_string() };
        self.tell(&request, Action::DsarExtend, detail)?;
        let extended = Extended { months, why: Some(why.clone()), by: self.by.who.name(), at: self.by.at };
        match self.book.extend(&request, &extended)? {
            true => Ok(until),
            false => Err(DsarError::Conflict { n, why: "somebody else has changed it this moment" }),
        }
    }

    /// Decides, and does to the recordings what the decision says.
    ///
    /// # Errors
    /// The decision does not go as things stand; something cannot be done or written.
    pub fn decide(&mut self, n: i64, ruling: &Ruling) -> Result<SubjectRequest, DsarError> {
        let (request, standing) = self.get(n)?;
        self.keeper.reconcile()?;
        self.must_go(&request, standing, ruling)?;
        let mut rows = self.rows(&request)?;
        if let Some(chosen) = &ruling.recordings {
            rows.retain(|row| chosen.contains(&row.id));
        }
        let what = ruling.carries_out(request.right);
        if what == CarryOut::Erase && rows.iter().any(|row| row.held) {
            let why = "a hold keeps a recording of it: defer the erasure, or release the hold first";
            return Err(DsarError::Conflict { n, why });
        }
        let why = Why { case: Some(request.case.clone()), basis: ruling.ground.clone(), ..Why::default() };
        let detail = facts! { Dsar: n, Right: request.right.name(), Outcome: ruling.outcome.name() };
        let told = Draft::new(Action::DsarDecide).on(request.recordings.iter().copied()).why(why.clone());
        self.keeper.append_audit(self.by, told.detail(detail))?;
        self.carry_out(&request, ruling, what, &rows, why)?;
        let decided = Decided {
            outcome: ruling.outcome,
            ground: ruling.ground.clone(),
            why: ruling.why.clone(),
            by: self.by.who.name(),
            at: self.by.at,
        };
        if !self.book.decide(n, &decided)? {
            return Err(DsarError::Conflict { n, why: "somebody else has decided this moment" });
        }
        Ok(self.get(n)?.0)
    }

    /// Whether a decision makes sense.
    fn must_go(
        &self,
        request: &SubjectRequest,
        standing: RequestStanding,
        ruling: &Ruling,
    ) -> Result<(), DsarError> {
        let n = request.n;
        let conflict = |why| Err(DsarError::Conflict { n, why });
        must_wait(request, standing)?;
        if let Some(why) = &ruling.why {
            fits("why", why, false)?;
        }
        if ruling.outcome != RequestOutcome::Granted && ruling.ground.is_none() {
            return Err(DsarError::Unfit("ground: which law allows it? (GDPR Art. 12(4))".into()));
        }
        match ruling.outcome {
            RequestOutcome::Refused => Ok(()),
            RequestOutcome::Deferred if request.right != SubjectRight::Erase => {
                conflict("only an erasure can be deferred")
            }
            RequestOutcome::Deferred => match self.rows(request)?.iter().any(|row| row.held) {
                true => Ok(()),
                false => conflict("no hold keeps a recording of it"),
            },
            RequestOutcome::Granted | RequestOutcome::Partly => {
                if request.identity.is_none() {
                    return conflict("it is not written down how the identity was checked");
                }
                let something = ruling.carries_out(request.right) != CarryOut::Nothing;
                if something && request.recordings.is_empty() {
                    return conflict("it names no recording");
                }
                Ok(())
            }
        }
    }

    fn carry_out(
        &mut self,
        request: &SubjectRequest,
        ruling: &Ruling,
        what: CarryOut,
        rows: &[Row],
        why: Why,
    ) -> Result<(), DsarError> {
        if rows.is_empty() {
            return Ok(());
        }
        let reason = format!("request of the data subject, {}", request.case);
        match (what, ruling.outcome) {
            (CarryOut::Erase, _) => {
                let Deleted { held, failed, .. } = self.keeper.erase(rows, &reason, None, self.by)?;
                if !held.is_empty() {
                    return Err(DsarError::Conflict { n: request.n, why: "a hold keeps a recording of it" });
                }
                if !failed.is_empty() {
                    let why = "a recording could not be erased; the log says why";
                    return Err(DsarError::Conflict { n: request.n, why });
                }
            }
            (CarryOut::Restrict, _) => {
                let done = self.keeper.restrict(rows, &request.case, None, self.by)?;
                if !done.is_clean() {
                    let why = "a recording could not be restricted";
                    return Err(DsarError::Conflict { n: request.n, why });
                }
            }
            // As the command has it: what is put off is told again when the hold ends.
            (CarryOut::Nothing, RequestOutcome::Deferred) => {
                let held = rows.iter().filter(|row| row.held).map(|row| row.id);
                let why = Why { reason: Some(reason), ..why };
                let told = Draft::new(Action::Erase).on(held).why(why).ended(Outcome::Refused);
                self.keeper.append_audit(self.by, told.detail(facts! { Because: HELD }))?;
            }
            (CarryOut::Nothing, RequestOutcome::Refused) if request.right == SubjectRight::Erase => {
                let why = Why { reason: Some(reason), ..why };
                self.keeper.refuse_erasure(rows, why, None, self.by)?;
            }
            (CarryOut::Nothing, _) => {}
        }
        Ok(())
    }

    /// A letter to whoever asked.
    ///
    /// # Errors
    /// There is nothing yet to write of, or the name is gone.
    pub fn letter(
        &mut self,
        n: i64,
        kind: LetterKind,
        controller: &crate::config::Controller,
    ) -> Result<Letter, DsarError> {
        let (request, _) = self.get(n)?;
        if request.name.is_none() {
            return Err(DsarError::Conflict { n, why: PRUNED });
        }
        if controller.name.is_empty() {
            let why = "who answers for the recordings? controller.name of the configuration is empty";
            return Err(DsarError::Unfit(why.into()));
        }
        if !kind.fits(&request) {
            return Err(DsarError::Conflict { n, why: "there is nothing of that kind to write yet" });
        }
        self.tell(&request, Action::DsarShow, facts! { Letter: kind.name() })?;
        Ok(Letter::write(&request, kind, controller, self.today(), self.zone))
    }
}

/// An entry about a request: its number and case, and nobody's name.
pub(super) fn draft(request: &SubjectRequest, action: Action, detail: EntryFacts) -> Draft {
    let all = facts! { Dsar: request.n }.and(detail);
    let why = Why { case: Some(request.case.clone()), ..Why::default() };
    Draft::new(action).on(request.recordings.iter().copied()).why(why).detail(all)
}

fn must_wait(request: &SubjectRequest, standing: RequestStanding) -> Result<(), DsarError> {
    match standing {
        RequestStanding::Decided => Err(DsarError::Conflict { n: request.n, why: "it is decided already" }),
        RequestStanding::Open | RequestStanding::Deferred | RequestStanding::Resumed => Ok(()),
    }
}

fn fits(key: &str, text: &Pii<String>, may_be_empty: bool) -> Result<(), DsarError> {
    match text.as_str().chars().count() {
        0 if !may_be_empty => Err(DsarError::Unfit(format!("{key}: must not be empty"))),
        n if n > TEXT_MAX => Err(DsarError::Unfit(format!("{key}: at most {TEXT_MAX} characters"))),
        _ => Ok(()),
    }
}
