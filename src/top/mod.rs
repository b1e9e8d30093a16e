//! The running recorder in figures: what two looks at its metrics say of it.
//!
//! A [`MetricsPage`] is what `/metrics` holds, and [`TopFigures`] what is made of it, with rates where there was
//! a look before. No number of a person is in either: a service's name is all that tells calls apart.

mod metrics_page;
#[cfg(test)]
mod tests;
mod top_figures;

pub use metrics_page::MetricsPage;
pub use top_figures::{
    CaptureFigures, PerService, RetentionFigures, SoundFigures, StorageFigures, TopCalls, TopFigures, TopLook,
};
