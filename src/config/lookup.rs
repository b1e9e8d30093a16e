//! Finding a key by its path, and the one that was meant where there is none.

use super::keys::{Key, Kind};
use super::sections::SECTIONS;

/// Every key by its path, in the order of the sample file. A list of tables is one key.
pub fn all() -> impl Iterator<Item = (String, Kind)> {
    SECTIONS.iter().flat_map(|section| {
        let list = section.is_list.then(|| (section.name.to_owned(), Kind::Services(section.keys)));
        let keys = if section.is_list { &[][..] } else { section.keys };
        list.into_iter().chain(keys.iter().map(|key| (format!("{}.{}", section.name, key.name), key.kind)))
    })
}

/// The keys of a section; `None`: there is no such section.
pub fn keys_of(section: &str) -> Option<&'static [Key]> {
    SECTIONS.iter().find(|s| s.name == section).map(|s| s.keys)
}

/// What `section.key` may hold.
pub fn kind(path: &str) -> Option<Kind> {
    let (section, name) = path.split_once('.').unwrap_or((path, ""));
    let section = SECTIONS.iter().find(|s| s.name == section)?;
    match (section.is_list, name) {
        (true, "") => Some(Kind::Services(section.keys)),
        (true, _) => None,
        (false, _) => section.keys.iter().find(|key| key.name == name).map(|key| key.kind),
    }
}

/// Names of the sections, `service` included.
pub fn sections() -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().map(|section| section.name)
}

/// The valid key nearest to `path`, which is none: a slip of the pen in the
/// same section before the same name in another.
pub fn nearest(path: &str) -> String {
    let (section, leaf) = path.split_once('.').unwrap_or(("", path));
    let distance = |name: &str| {
        let (of, key) = name.split_once('.').unwrap_or(("", name));
        let elsewhere = if of == section { 0 } else { 3 };
        strsim::damerau_levenshtein(key, &leaf.to_lowercase()) + elsewhere
    };
    all().map(|(name, _)| name).min_by_key(|name| distance(name)).unwrap_or_default()
}

/// Whether the last words of two keys have more in common than not: one is a slip of the other.
pub fn is_like(path: &str, name: &str) -> bool {
    let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_lowercase();
    let (a, b) = (last(path), last(name));
    2 * strsim::damerau_levenshtein(&a, &b) <= a.chars().count().max(b.chars().count())
}

/// The word of `words` nearest to `word`, with how far it is.
pub fn nearest_of<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    let word = word.to_lowercase();
    words.map(|w| (strsim::damerau_levenshtein(w, &word), w)).min_by_key(|(d, _)| *d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name() {
        assert_eq!(nearest("sip.port"), "sip.ports");
        assert_eq!(nearest("capture.media_timeout"), "sip.media_timeout");
        assert_eq!(nearest("ports"), "sip.ports");
        assert_eq!(nearest("storage.min-free"), "storage.min_free");
        assert!(is_like("tape.media_timout", "sip.media_timeout") && is_like("prots", "sip.ports"));
        assert!(!is_like("foo.bar", &nearest("foo.bar")) && !is_like("x.y", &nearest("x.y")));
    }
}
