//! Why was a call recorded, or not?
//!
//! Captures are played as `replay` plays them, and nothing is written. Each call leaves a [`CallStory`]: its SIP
//! messages in order and, between them, what was decided and on what grounds. Numbers are told as a
//! recording would have them, so that the answer can be passed on.

mod asked_call;
mod call_story;
mod decision_words;
mod grounds_words;
mod story_book;
mod told_call;

pub use asked_call::{AskedCall, AskedTime};
pub use call_story::{CallStory, StoryEvent, StoryLine};
pub use decision_words::{told_agent, with_meaning};
pub use story_book::StoryBook;
pub use told_call::{ToldCall, ToldLine, ToldSound, text};

#[cfg(test)]
mod tests;
