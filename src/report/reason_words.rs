//! Reasons in words: those that the pages of the listening room say, so that both say the same.

use crate::config::Language;

/// Lines `key = text`, in the order of [`Language::ALL`].
const TEXTS: [&str; 3] = [
    include_str!("../web/pages/text/fi.ftl"),
    include_str!("../web/pages/text/sv.ftl"),
    include_str!("../web/pages/text/en.ftl"),
];

/// What a reason is called. `kind` is `why` for what became of a call, `rule` for what leaves one out.
pub(super) fn reason_text(kind: &str, name: &'static str, language: Language) -> &'static str {
    let text = |line: &'static str| {
        let rest = line.strip_prefix(kind)?.strip_prefix('-')?.strip_prefix(name)?;
        rest.strip_prefix(" = ")
    };
    TEXTS[language as usize].lines().find_map(text).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::call_counts::is_left_out;
    use crate::store::assurance::AssuranceReason;
    use crate::store::register::RegisterReason;

    #[test]
    fn every_reason_that_is_told_has_its_words() {
        for language in Language::ALL {
            for why in AssuranceReason::ALL {
                assert_ne!(reason_text("why", why.name(), language), why.name(), "{}", language.code());
            }
            let rules = RegisterReason::ALL.iter().filter(|why| is_left_out(**why));
            for why in rules.chain([&RegisterReason::Direction]) {
                assert_ne!(reason_text("rule", why.name(), language), why.name(), "{}", language.code());
            }
        }
        assert_eq!(reason_text("why", "no_such", Language::Fi), "no_such");
        assert_eq!(reason_text("why", "timeout", Language::Fi), "puhelun loppua ei nähty");
    }
}
