//! What a plain scalar means: two small readers, written from the specifications and not from the crate.

/// The type of a plain scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Null,
    Bool,
    Int,
    Float,
    Timestamp,
    /// `<<` or `=` of YAML 1.1.
    Special,
    Text,
}

/// YAML 1.2.2, section 10.3.2 (core schema).
pub(crate) fn by_1_2(text: &str) -> Type {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let all = |text: &str, set: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|b| set(&b));
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Type::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Type::Bool,
        ".nan" | ".NaN" | ".NAN" => Type::Float,
        _ if matches!(unsigned, ".inf" | ".Inf" | ".INF") => Type::Float,
        _ if all(unsigned, u8::is_ascii_digit) => Type::Int,
        _ if text.strip_prefix("0o").is_some_and(|rest| all(rest, |b| (b'0'..=b'7').contains(b))) => {
            Type::Int
        }
        _ if text.strip_prefix("0x").is_some_and(|rest| all(rest, u8::is_ascii_hexdigit)) => Type::Int,
        _ if is_float_1_2(unsigned) => Type::Float,
        _ => Type::Text,
    }
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float_1_2(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let exponent = exponent.map(|text| text.strip_prefix(['-', '+']).unwrap_or(text));
    let good_mantissa = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && digits(mantissa),
    };
    good_mantissa && exponent.is_none_or(|text| !text.is_empty() && digits(text))
}

/// The type repository of YAML 1.1 (yaml.org/type): null, bool, int, float, timestamp, merge, value. Of the
/// regular expression of a float, `[0-9.]*` behind the point is read as `[0-9_]*`: with the other, `1.2.3`
/// would be a number, which no parser says.
pub(crate) fn by_1_1(text: &str) -> Type {
    const BOOLS: [&str; 22] = [
        "y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "true", "True", "TRUE", "false", "False",
        "FALSE", "on", "On", "ON", "off", "Off", "OFF",
    ];
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Type::Null,
        "<<" | "=" => Type::Special,
        _ if BOOLS.contains(&text) => Type::Bool,
        ".nan" | ".NaN" | ".NAN" => Type::Float,
        _ if matches!(unsigned, ".inf" | ".Inf" | ".INF") => Type::Float,
        _ if is_int_1_1(unsigned) => Type::Int,
        _ if is_float_1_1(unsigned) => Type::Float,
        _ if is_timestamp(text) => Type::Timestamp,
        _ => Type::Text,
    }
}

/// Digits of the set and `_`, from the start on, and what is behind them.
fn eat(text: &str, set: fn(&u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|b| !set(&b)).unwrap_or(text.len());
    text.split_at(end)
}

fn is_int_1_1(text: &str) -> bool {
    let whole = |text: &str, set: fn(&u8) -> bool| !text.is_empty() && eat(text, set).1.is_empty();
    let decimal = || {
        let (digits, rest) = eat(text, |b| b.is_ascii_digit() || *b == b'_');
        let starts = digits == "0" || digits.starts_with(|c: char| ('1'..='9').contains(&c));
        starts && (rest.is_empty() || !text.starts_with('0') && is_sixties(rest).is_some_and(str::is_empty))
    };
    if let Some(rest) = text.strip_prefix("0b") {
        return whole(rest, |b| matches!(b, b'0' | b'1' | b'_'));
    }
    if let Some(rest) = text.strip_prefix("0x") {
        return whole(rest, |b| b.is_ascii_hexdigit() || *b == b'_');
    }
    decimal() || text.strip_prefix('0').is_some_and(|rest| whole(rest, |b| matches!(b, b'0'..=b'7' | b'_')))
}

/// `(:[0-5]?[0-9])+`, and what is behind.
fn is_sixties(mut text: &str) -> Option<&str> {
    let mut count = 0;
    while let Some(rest) = text.strip_prefix(':') {
        let (digits, behind) = eat(rest, u8::is_ascii_digit);
        let value: u8 = digits.parse().ok().filter(|_| digits.len() <= 2)?;
        text = (value < 60).then_some(behind)?;
        count += 1;
    }
    (count > 0).then_some(text)
}

fn is_float_1_1(text: &str) -> bool {
    let digit = |b: &u8| b.is_ascii_digit() || *b == b'_';
    let (whole, rest) = eat(text, digit);
    let good_whole = whole.is_empty() || whole.starts_with(|c: char| c.is_ascii_digit());
    if !good_whole {
        return false;
    }
    if !whole.is_empty()
        && let Some(fraction) = is_sixties(rest).and_then(|rest| rest.strip_prefix('.'))
    {
        return eat(fraction, digit).1.is_empty();
    }
    let Some(fraction) = rest.strip_prefix('.') else { return false };
    let (digits, rest) = eat(fraction, digit);
    let exponent = rest.strip_prefix(['e', 'E']).and_then(|rest| rest.strip_prefix(['-', '+']));
    let good_exponent =
        exponent.is_some_and(|text| !text.is_empty() && eat(text, u8::is_ascii_digit).1.is_empty());
    !(whole.is_empty() && digits.is_empty()) && (rest.is_empty() || good_exponent)
}

/// A date, or a date and a time.
fn is_timestamp(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let number = |text: &str, lengths: &[usize]| {
        lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    let (day, rest) = eat(rest, u8::is_ascii_digit);
    if rest.is_empty() {
        return number(year, &[4]) && number(month, &[2]) && number(day, &[2]);
    }
    let time = rest.strip_prefix(['T', 't']).or_else(|| {
        let time = rest.trim_start_matches([' ', '\t']);
        (time.len() < rest.len()).then_some(time)
    });
    let clock = time.map(|time| time.split(':').collect::<Vec<_>>());
    number(year, &[4])
        && number(month, &[1, 2])
        && number(day, &[1, 2])
        && clock.is_some_and(|clock| {
            clock.len() >= 3
                && number(clock[0], &[1, 2])
                && number(clock[1], &[2])
                && clock[2].len() >= 2
                && number(&clock[2][..2], &[2])
        })
}

#[test]
fn the_readers_know_the_examples_of_the_specifications() {
    // Text, type by 1.1, type by 1.2.
    for (text, old, new) in [
        ("1.10", Type::Float, Type::Float),
        ("1e3", Type::Text, Type::Float),
        ("6.8523015e+5", Type::Float, Type::Float),
        ("685.230_15e+03", Type::Float, Type::Text),
        ("685_230.15", Type::Float, Type::Text),
        ("190:20:30.15", Type::Float, Type::Text),
        ("190:20:30", Type::Int, Type::Text),
        ("012", Type::Int, Type::Int),
        ("02472256", Type::Int, Type::Int),
        ("09", Type::Text, Type::Int),
        ("0x_0A_74_AE", Type::Int, Type::Text),
        ("0b1010_0111", Type::Int, Type::Text),
        ("0o17", Type::Text, Type::Int),
        ("0x1F", Type::Int, Type::Int),
        ("1_000", Type::Int, Type::Text),
        ("on", Type::Bool, Type::Text),
        ("y", Type::Bool, Type::Text),
        ("true", Type::Bool, Type::Bool),
        ("~", Type::Null, Type::Null),
        ("2024-01-01", Type::Timestamp, Type::Text),
        ("2001-12-14t21:59:43.10-05:00", Type::Timestamp, Type::Text),
        ("2001-12-14 21:59:43.10 -5", Type::Timestamp, Type::Text),
        (".5", Type::Float, Type::Float),
        ("1.", Type::Float, Type::Float),
        ("-.inf", Type::Float, Type::Float),
        ("<<", Type::Special, Type::Text),
        ("1.2.3", Type::Text, Type::Text),
        ("1:", Type::Text, Type::Text),
        ("12:61", Type::Text, Type::Text),
    ] {
        assert_eq!((by_1_1(text), by_1_2(text)), (old, new), "{text}");
    }
}
