//! The privacy notice that a configuration makes true, and where a published one says something else.
//!
//! Each sentence is a row of one table ([`sentences()`]): its id, the promises it keeps, when it holds, and its
//! text in every language with holes for what the configuration says. A sentence that does not hold
//! is not written. What the configuration cannot know (legal basis, place of the server) is left
//! open in brackets. Pure: a configuration comes in, text goes out.

mod all_sentences;
mod comparison;
mod conditions;
mod fill;
mod forms_of_words;
mod on_announcing;
mod on_data;
mod on_entry;
mod on_guarding;
mod on_hearing;
mod on_keeping;
mod on_recording;
mod privacy_notice;
mod published;
mod sentence;
#[cfg(test)]
mod tests;
mod written;

pub use all_sentences::sentences;
pub use comparison::{Comparison, Difference, compare};
pub use privacy_notice::{PrivacyNotice, Statement};
pub use published::{PublishedNotice, TooManyWords};
pub use sentence::{Chapter, NoticePart};
pub use written::{to_html, to_markdown};
