//! Finishing many is linear: whoever is asked for the next of many does not move all others.
//!
//! At the end of a capture twenty thousand recordings are finished in turn, and each is some
//! orders in one queue. A list whose first is removed each time takes the square of that.

use crate::scan::{functions, line_of, words};

/// Takes the first of a list, and moves the rest.
const MOVES_ALL: &[&str] = &[".remove(0)", ".drain(..1)"];
/// How a function is called that is asked again until there is no more.
const ASKED_AGAIN: &[&str] = &["poll", "pop", "next"];

/// Places where `code` takes the next of many from the front of a list.
pub fn moved(path: &str, code: &str) -> Vec<String> {
    let is_asked_again =
        |name: &str| ASKED_AGAIN.iter().any(|word| name.split('_').any(|part| part == *word));
    let mut out = Vec::new();
    for (name, line, length) in functions(code).into_iter().filter(|(name, ..)| is_asked_again(name)) {
        let at = MOVES_ALL.iter().flat_map(|word| words(code, word)).map(|i| line_of(code, i));
        let within = at.filter(|at| (line..line + length).contains(at));
        out.extend(within.map(|at| format!("{path}:{at}: `{name}` moves all that it does not return")));
    }
    out
}

/// The rule, broken on purpose.
#[test]
fn a_queue_that_moves_all_for_each() {
    for text in [
        "fn poll(&mut self) -> Option<D> {\n    (!self.out.is_empty()).then(|| self.out.remove(0))\n}",
        "fn pop_due(&mut self) {\n    self.due.drain(..1).next()\n}",
    ] {
        assert_eq!(moved("x.rs", text).len(), 1, "{text}");
    }
    for text in [
        "fn poll(&mut self) -> Option<D> {\n    self.out.pop_front()\n}",
        "fn poll_at(&mut self, i: usize) {\n    self.out.remove(i)\n}",
        "fn keep(&mut self) {\n    self.few.remove(0);\n}\nfn next() {}",
    ] {
        assert_eq!(moved("x.rs", text), [""; 0], "{text}");
    }
}
