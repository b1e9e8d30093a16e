//! Configuration in the form the core uses: rules that need no more reading.
//!
//! Owns what it means for two numbers to be the same, which numbers are an
//! agent's, and what is left of a customer's number. Knows nothing of SIP: a
//! number comes in as the user part of a URI, parameters after `;` are not
//! part of it.

use super::sections::Numbers;
use super::service::HideDigits;
use std::borrow::Cow;

/// Most characters of one pattern or number that mean anything (E.164 has 15 digits).
const PATTERN_MAX: usize = 64;

/// How numbers are compared: `[numbers]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberForm {
    country: String,
    national_prefix: String,
}

impl NumberForm {
    /// From `[numbers]`, whose values `check` has judged.
    pub fn new(numbers: &Numbers) -> Self {
        NumberForm { country: numbers.country.clone(), national_prefix: numbers.national_prefix.clone() }
    }

    /// The digits by which `number` is compared; `None` when it is no number.
    ///
    /// Visual separators (RFC 3966 section 5.1.1, and space and `/`) do not count. A
    /// leading `+` or `00` goes; with `country` and `national_prefix` set, a national form gets
    /// the country code in place of its prefix: `+358401234567`, `00358401234567`,
    /// `358401234567` and `040 123 4567` are one.
    pub fn canonical(&self, number: &str) -> Option<String> {
        let (international, digits) = digits_of(number)?;
        if international {
            return Some(digits);
        }
        if let Some(rest) = digits.strip_prefix("00").filter(|rest| !rest.is_empty()) {
            return Some(rest.to_owned());
        }
        if self.country.is_empty() || self.national_prefix.is_empty() {
            return Some(digits);
        }
        // The prefix alone is a number of its own: often the house's operator.
        match digits.strip_prefix(&self.national_prefix).filter(|rest| !rest.is_empty()) {
            Some(rest) => Some(format!("{}{rest}", self.country)),
            None => Some(digits),
        }
    }

    /// What `user` is compared by: [`canonical`](Self::canonical) digits, or the text itself when it is no number.
    pub fn key<'a>(&self, user: &'a str) -> Cow<'a, str> {
        self.canonical(user).map_or_else(|| Cow::Borrowed(without_parameters(user)), Cow::Owned)
    }

    /// Whether both are the same number, or the same text where they are none.
    pub fn same(&self, a: &str, b: &str) -> bool {
        self.key(a) == self.key(b)
    }
}

/// One of `agents.extensions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtensionRule {
    /// `2001`, or a name such as `alice`.
    Exact(String),
    /// `2000-2999`: numbers as long as its ends, which are equally long.
    Range(String, String),
    /// `31*`: also `31` itself.
    Prefix(String),
}

/// Why a pattern cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Neither a number, a range, a prefix nor a user name.
    #[error("not an extension, a range or a prefix")]
    Form,
    /// `100-1999`
    #[error("a range whose ends differ in length")]
    Lengths,
    /// `2999-2000`
    #[error("a range that ends before it starts")]
    Order,
}

impl ExtensionRule {
    /// Reads `2001`, `2000-2999`, `31*` or a user name.
    ///
    /// # Errors
    /// [`PatternError`] says what is wrong with it.
    pub fn parse(pattern: &str, form: &NumberForm) -> Result<Self, PatternError> {
        let pattern = pattern.trim();
        if pattern.len() > PATTERN_MAX {
            return Err(PatternError::Form);
        }
        if let Some(prefix) = pattern.strip_suffix('*') {
            // `2000-29*` would be half a range.
            if prefix.contains('-') {
                return Err(PatternError::Form);
            }
            let key = if digits_of(prefix).is_some_and(|(_, d)| !d.is_empty() && d == form.national_prefix) {
                form.country.clone()
            } else {
                form.canonical(prefix).ok_or(PatternError::Form)?
            };
            return if key.is_empty() { Err(PatternError::Form) } else { Ok(ExtensionRule::Prefix(key)) };
        }
        if let Some((first, last)) =
            pattern.split_once('-').filter(|(first, _)| form.canonical(first).is_some())
        {
            let first = form.canonical(first).ok_or(PatternError::Form)?;
            let last = form.canonical(last).filter(|_| !last.contains('-')).ok_or(PatternError::Form)?;
            return match (first.len() == last.len(), first <= last) {
                (false, _) => Err(PatternError::Lengths),
                (true, false) => Err(PatternError::Order),
                (true, true) => Ok(ExtensionRule::Range(first, last)),
            };
        }
        if form.canonical(pattern).is_none() && !is_user_name(pattern) {
            return Err(PatternError::Form);
        }
        Ok(ExtensionRule::Exact(form.key(pattern).into_owned()))
    }

    /// Whether the user part of a SIP URI falls under this rule.
    pub fn matches(&self, user: &str, form: &NumberForm) -> bool {
        self.matches_key(&form.key(user))
    }

    /// As [`matches`](Self::matches), for a user part already put through [`NumberForm::key`].
    pub fn matches_key(&self, key: &str) -> bool {
        match self {
            ExtensionRule::Exact(own) => key == own,
            ExtensionRule::Prefix(prefix) => key.starts_with(prefix.as_str()) && all_digits(key),
            ExtensionRule::Range(first, last) => {
                key.len() == first.len() && all_digits(key) && (first.as_str()..=last.as_str()).contains(&key)
            }
        }
    }
}

/// What may be kept of a customer's number: its last digits become `x`, its form stays.
///
/// `+358 40 1234567` with four hidden is `+358 40 123xxxx`. `None` when it has to
/// be hidden whole: no more digits than are to be hidden, all of them asked for, or not a
/// number at all (a user name would stand there in clear).
pub fn truncate_number(number: &str, hide: HideDigits) -> Option<String> {
    let hide = match hide {
        HideDigits::All => return None,
        HideDigits::Last(0) => return Some(number.to_owned()),
        HideDigits::Last(n) => usize::from(n),
    };
    let number = without_parameters(number);
    let code = |c: char| c.is_ascii_digit() || is_separator(c) || matches!(c, '+' | '*' | '#');
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    if digits <= hide || !number.chars().all(code) {
        return None;
    }
    let mut kept = digits - hide;
    let mask = |c: char| match c.is_ascii_digit() {
        true if kept == 0 => 'x',
        true => {
            kept -= 1;
            c
        }
        false => c,
    };
    Some(number.chars().map(mask).collect())
}

/// Whether a `+` stood in front, and the digits; `None` for what is no number.
fn digits_of(number: &str) -> Option<(bool, String)> {
    let number = without_parameters(number);
    let bare = number.trim_start_matches(is_separator);
    let (international, rest) = match bare.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, bare),
    };
    let mut digits = String::with_capacity(rest.len());
    for c in rest.chars().filter(|c| !is_separator(*c)) {
        digits.push(if c.is_ascii_digit() { c } else { return None });
    }
    (!digits.is_empty()).then_some((international, digits))
}

/// Characters that only make a number readable.
fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | '(' | ')' | '/')
}

/// `user` before its first `;`.
fn without_parameters(user: &str) -> &str {
    user.split(';').next().unwrap_or(user)
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The user part of a SIP URI without escapes (RFC 3261 section 25.1, `unreserved` and some
/// of `user-unreserved`); `*` only in front, as in a feature code.
fn is_user_name(text: &str) -> bool {
    let rest = text.strip_prefix('*').unwrap_or(text);
    !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.!~'()&=+$,/#".contains(&b))
}

#[cfg(test)]
mod tests;
