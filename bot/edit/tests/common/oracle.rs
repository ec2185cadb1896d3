//! What an edit must amount to, by granit-parser, which the crate's own proof does not use.

use crate::common::granit_scalars;

/// The values of all scalars in order; `None` where granit-parser refuses the text.
pub(crate) fn values(bytes: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(bytes).unwrap();
    let scalars = granit_scalars(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    Some(scalars.into_iter().map(|(value, _, _)| value).collect())
}

/// The whole files hold the same scalars but for
/// one value that is now `new`, or one pair more that ends in it.
pub(crate) fn assert_differ_in(before: &[u8], after: &[u8], new: &str) {
    let Some(mut old) = values(before) else { return };
    let now = values(after).unwrap();
    let at = old.iter().zip(&now).position(|(old, now)| old != now).unwrap_or(old.len());
    if old.len() == now.len() {
        old[at] = new.to_owned();
    } else {
        old.splice(at..at, [now[at].clone(), new.to_owned()]);
    }
    assert_eq!(old, now);
}
