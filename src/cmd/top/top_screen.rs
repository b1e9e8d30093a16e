//! `nauhuri top` on a terminal: asks again and again, draws, and listens to keys.
//!
//! Asking waits for the recorder and keys for nobody, so the recorder is asked on a thread of its own. The
//! terminal is left as it was, whatever ends it.

use super::top_picture::{TopView, hidden_services, picture};
use super::top_source::{TopSource, host};
use crate::cmd::output::error_text;
use crate::daemon::shutdown::StopFlag;
use crate::time::Timestamp;
use crate::top::{TopFigures, TopLook};
use anyhow::Context as _;
use jiff::tz::TimeZone;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::Stylize as _;
use ratatui::text::{Line, Text};
use ratatui::{DefaultTerminal, Frame};
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

/// How soon a look is drawn, and a signal heard.
const TURN: Duration = Duration::from_millis(100);
/// Calls a minute are of the last minute, and of so much of it at least.
const MINUTE_S: f64 = 60.0;
const ENOUGH_S: f64 = 20.0;
/// Services that a page is.
const PAGE: usize = 10;

/// What the recorder said, and whose clock it goes by; else why it did not answer.
type LookTold = Result<(TopLook, TimeZone), String>;

/// What is shown.
struct TopScreen {
    before: Option<TopLook>,
    now: TopLook,
    figures: TopFigures,
    view: TopView,
    every: Duration,
    /// How many calls had been answered when, in the last minute.
    answered: VecDeque<(Timestamp, u64)>,
}

/// What a key wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TopKey {
    Quit,
    /// So many services on; negative: back.
    Scroll(isize),
    Draw,
    Nothing,
}

/// Columns of the terminal, where there is one.
pub(super) fn columns() -> Option<u16> {
    terminal::size().ok().map(|(columns, _)| columns).filter(|c| *c > 0)
}

/// Shows the recorder until somebody quits or `stop` is set.
///
/// # Errors
/// The terminal cannot be used.
pub(super) fn show(
    source: TopSource,
    first: TopLook,
    every: Duration,
    stop: &StopFlag,
) -> anyhow::Result<()> {
    let view = TopView::new(host(), source.zone.clone());
    let told = ask_on(source, every)?;
    let mut screen = TopScreen {
        before: None,
        figures: TopFigures::new(None, &first),
        now: first,
        view,
        every,
        answered: VecDeque::new(),
    };
    let shown = ratatui::try_init()
        .context("this terminal cannot be used; try --once")
        .and_then(|mut terminal| screen.run(&mut terminal, &told, stop));
    let left = ratatui::try_restore();
    shown.and_then(|()| left.context("the terminal cannot be restored; try `reset`"))
}

/// Asks on a thread of its own, which ends with whoever listens.
fn ask_on(mut source: TopSource, every: Duration) -> anyhow::Result<Receiver<LookTold>> {
    let (to, told) = sync_channel(1);
    let ask = move || {
        loop {
            std::thread::sleep(every);
            let look = source.look();
            let look = look.map(|look| (look, source.zone.clone())).map_err(|e| error_text(&e));
            if to.send(look).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("asking".into()).spawn(ask).context("no thread can be made")?;
    Ok(told)
}

impl TopScreen {
    fn run(
        &mut self,
        terminal: &mut DefaultTerminal,
        told: &Receiver<LookTold>,
        stop: &StopFlag,
    ) -> anyhow::Result<()> {
        let mut is_new = true;
        while !stop.is_set() {
            for look in told.try_iter() {
                self.take(look);
                is_new = true;
            }
            if std::mem::take(&mut is_new) {
                terminal.draw(|frame| self.draw(frame)).context("the terminal cannot be written to")?;
            }
            if !event::poll(TURN).context("the terminal cannot be read")? {
                continue;
            }
            match key(&event::read().context("the terminal cannot be read")?) {
                TopKey::Quit => break,
                TopKey::Scroll(by) => {
                    self.view.scrolled = self.view.scrolled.saturating_add_signed(by);
                    is_new = true;
                }
                TopKey::Draw => is_new = true,
                TopKey::Nothing => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, told: LookTold) {
        match told {
            Ok((look, zone)) => {
                let before = std::mem::replace(&mut self.now, look);
                // Where nothing was counted meanwhile, rates go back to the look before.
                if self.before.is_none() || self.now.is_counted_since(&before) {
                    self.before = Some(before);
                }
                let late = self.figures.capture.written_within_s;
                self.figures = TopFigures::new(self.before.as_ref(), &self.now);
                // Not measured at each look.
                let written = &mut self.figures.capture.written_within_s;
                *written = written.or(late);
                self.count_calls();
                (self.view.zone, self.view.trouble) = (zone, None);
            }
            Err(why) => self.view.trouble = Some(why),
        }
    }

    /// Calls come one by one: within a second there is one or none, which is no rate.
    fn count_calls(&mut self) {
        let Some(now) = self.figures.at else { return };
        let answered = self.figures.calls.answered;
        // Another run has a count of its own, and a clock that was set another time.
        let is_next = |(at, n): &(Timestamp, u64)| *n <= answered && *at <= now;
        if !self.answered.back().is_none_or(is_next) {
            self.answered.clear();
        }
        self.answered.push_back((now, answered));
        while self.answered.front().is_some_and(|(at, _)| now.since_s(*at) > MINUTE_S) {
            self.answered.pop_front();
        }
        let (since, first) = self.answered.front().copied().unwrap_or((now, answered));
        let seconds = now.since_s(since);
        self.view.calls_a_minute = (seconds >= ENOUGH_S).then(|| (answered - first) as f64 * 60.0 / seconds);
    }

    fn draw(&mut self, frame: &mut Frame<'_>) {
        let [body, foot] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(frame.area());
        (self.view.columns, self.view.rows) = (body.width, Some(body.height));
        let hidden = hidden_services(&self.figures, &self.view);
        self.view.scrolled = self.view.scrolled.min(hidden);
        frame.render_widget(Text::from(picture(&self.figures, &self.view)), body);
        frame.render_widget(keys(hidden, self.every), foot);
    }
}

/// What can be pressed.
fn keys(hidden: usize, every: Duration) -> Line<'static> {
    let mut spans = vec![" q ".reversed(), " quit   ".into()];
    if hidden > 0 {
        spans.extend([" up down ".reversed(), " services   ".into()]);
    }
    spans.push(format!("every {} s", every.as_secs_f64()).dim());
    Line::from(spans)
}

fn key(event: &Event) -> TopKey {
    match event {
        Event::Key(KeyEvent { kind: KeyEventKind::Release, .. }) => TopKey::Nothing,
        Event::Key(KeyEvent { code, modifiers, .. }) => match code {
            KeyCode::Char('c' | 'd') if modifiers.contains(KeyModifiers::CONTROL) => TopKey::Quit,
            KeyCode::Char('q' | 'Q') | KeyCode::Esc => TopKey::Quit,
            KeyCode::Up | KeyCode::Char('k') => TopKey::Scroll(-1),
            KeyCode::Down | KeyCode::Char('j') => TopKey::Scroll(1),
            KeyCode::PageUp => TopKey::Scroll(-(PAGE as isize)),
            KeyCode::PageDown => TopKey::Scroll(PAGE as isize),
            KeyCode::Home => TopKey::Scroll(isize::MIN),
            KeyCode::End => TopKey::Scroll(isize::MAX),
            _ => TopKey::Nothing,
        },
        Event::Resize(..) => TopKey::Draw,
        _ => TopKey::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::top::top_picture::tests::well;
    use crate::daemon::control::protocol::RecorderStatus;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn screen() -> TopScreen {
        let now = TopLook::new(&RecorderStatus::default(), Timestamp::EPOCH);
        let view = TopView::new("recorder1".into(), TimeZone::UTC);
        let answered = VecDeque::new();
        TopScreen { before: None, now, figures: well(), view, every: Duration::from_secs(1), answered }
    }

    fn drawn(screen: &mut TopScreen, columns: u16, rows: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let cells: Vec<&str> = buffer.content().iter().map(|cell| cell.symbol()).collect();
        cells.chunks(columns.into()).map(|row| row.concat().trim_end().to_owned()).collect()
    }

    #[test]
    fn the_picture_fills_the_window_and_the_keys_stand_below() {
        let mut screen = screen();
        for (columns, rows) in [(80, 24), (200, 50), (80, 24)] {
            let lines = drawn(&mut screen, columns, rows);
            assert_eq!(lines.last().unwrap(), " q  quit   every 1 s");
            assert!(lines[0].starts_with("nauhuri 0.1.0 on recorder1"), "{lines:#?}");
            assert_eq!(lines[0].len(), usize::from(columns), "the time stands at the right");
            assert!(lines.iter().any(|l| l.starts_with("all  ")), "{lines:#?}");
        }
        // Smaller than what is to be shown: whatever fits.
        let lines = drawn(&mut screen, 20, 5);
        assert!(lines[4].starts_with(" q  quit   up") || lines[4].starts_with(" q  quit"), "{lines:#?}");
        // More services than there is room for: the last are scrolled to, and no further.
        let more = vec![screen.figures.services[0].clone(); 15];
        screen.figures.services.splice(0..0, more);
        let lines = drawn(&mut screen, 80, 18);
        assert_eq!(lines[17], " q  quit    up down  services   every 1 s");
        assert!(!lines.iter().any(|l| l.starts_with("other  ")), "{lines:#?}");
        screen.view.scrolled = 1000;
        let lines = drawn(&mut screen, 80, 18);
        assert!(lines[15].starts_with("other  ") && lines[16].starts_with("all  "), "{lines:#?}");
        drawn(&mut screen, 1, 1);
    }

    #[test]
    fn a_recorder_that_went_away_leaves_its_last_figures() {
        let mut screen = screen();
        screen.take(Err("no recorder runs here".into()));
        let lines = drawn(&mut screen, 80, 24);
        assert_eq!(lines[1], "no answer, these figures are old: no recorder runs here");
        assert!(lines[3].starts_with("Calls      6 now"), "{lines:#?}");
        screen.take(Ok((TopLook::new(&RecorderStatus::default(), Timestamp::EPOCH), TimeZone::UTC)));
        assert!(drawn(&mut screen, 80, 24)[1].starts_with("ready"));
    }

    #[test]
    fn calls_a_minute_are_of_the_last_minute() {
        let mut screen = screen();
        let mut tell = |at_s: i64, answered: u32| {
            let metrics = format!("nauhuri_calls_answered_total{{service=\"a\"}} {answered}\n");
            let at = Some(Timestamp::from_parts(at_s, 0));
            let status = RecorderStatus { at, metrics, ..RecorderStatus::default() };
            screen.take(Ok((TopLook::new(&status, Timestamp::EPOCH), TimeZone::UTC)));
            screen.view.calls_a_minute
        };
        assert_eq!((tell(1000, 100), tell(1010, 150)), (None, None), "too little of it");
        assert_eq!((tell(1030, 160), tell(1100, 161)), (Some(120.0), None), "a gap");
        assert_eq!(
            (tell(1130, 164), tell(1131, 0), tell(1161, 3)),
            (Some(6.0), None, Some(6.0)),
            "another run"
        );
    }

    #[test]
    fn keys_do_what_they_do_elsewhere() {
        let press = |code, modifiers| key(&Event::Key(KeyEvent::new(code, modifiers)));
        let none = KeyModifiers::NONE;
        for (code, modifiers) in [
            (KeyCode::Char('q'), none),
            (KeyCode::Esc, none),
            (KeyCode::Char('c'), KeyModifiers::CONTROL),
            (KeyCode::Char('d'), KeyModifiers::CONTROL),
        ] {
            assert_eq!(press(code, modifiers), TopKey::Quit);
        }
        assert_eq!(press(KeyCode::Char('c'), none), TopKey::Nothing);
        assert_eq!(
            (press(KeyCode::Down, none), press(KeyCode::PageUp, none)),
            (TopKey::Scroll(1), TopKey::Scroll(-10))
        );
        assert_eq!(key(&Event::Resize(3, 4)), TopKey::Draw);
        let mut screen = screen();
        screen.view.scrolled = 5;
        screen.view.scrolled = screen.view.scrolled.saturating_add_signed(isize::MIN);
        assert_eq!(screen.view.scrolled, 0);
    }
}
