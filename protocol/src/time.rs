//! Points in time as the Worker stores and shows them: milliseconds since 1970, written as RFC 3339 in UTC.

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// Milliseconds of a day.
pub const DAY: Millis = 86_400_000;

/// Where the year 10000 begins, which RFC 3339 cannot write.
const END: Millis = 253_402_300_800_000;

/// Year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Eras of 400 years that begin on a first of March, so that the leap day ends each year.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since 1970-01-01 of a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// `2026-11-23T12:00:00.000Z`.
pub fn rfc3339(time: Millis) -> String {
    let (year, month, day) = civil(time.div_euclid(DAY));
    let rest = time.rem_euclid(DAY);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        rest / 3_600_000,
        rest / 60_000 % 60,
        rest / 1_000 % 60,
        rest % 1_000
    )
}

/// Reads an RFC 3339 time in UTC (`Z`) or with a numeric offset, with or without a fraction; years 1970 to 9999.
pub fn parse_rfc3339(text: &str) -> Option<Millis> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        if digits.bytes().all(|b| b.is_ascii_digit()) {
            digits.parse().ok()
        } else {
            None
        }
    };
    let is = |at: usize, any: &str| text.get(at..=at).is_some_and(|c| any.contains(c));
    let separators = is(4, "-") && is(7, "-") && is(10, "Tt ") && is(13, ":") && is(16, ":");
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !separators || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 || year < 1970 {
        return None;
    }
    let date = days(year, month, day);
    if civil(date) != (year, month, day) {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut millis = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        let first: String = fraction.chars().take(digits.min(3)).collect();
        millis = format!("{first:0<3}").parse::<i64>().ok()?;
        rest = fraction.get(digits..)?;
    }
    let offset = match rest {
        "Z" | "z" => 0,
        _ => {
            let sign = if rest.starts_with('+') { 1 } else { -1 };
            let (hours, minutes) = rest.strip_prefix(['+', '-'])?.split_once(':')?;
            let two = |t: &str| {
                let digits = t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit());
                t.parse::<i64>().ok().filter(|_| digits)
            };
            sign * (two(hours).filter(|h| *h < 24)? * 60 + two(minutes).filter(|m| *m < 60)?)
        }
    };
    let time = date * DAY + hour * 3_600_000 + (minute - offset) * 60_000 + second * 1_000 + millis;
    (0..END).contains(&time).then_some(time)
}

/// Reads a date of HTTP in the form that is sent today, `Wed, 21 Oct 2026 07:28:00 GMT` (RFC 9110 section 5.6.7).
pub fn parse_http_date(text: &str) -> Option<Millis> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let words: Vec<&str> = text.split(' ').collect();
    let [_, day, month, year, time, "GMT"] = *words.as_slice() else { return None };
    let month = MONTHS.find(month).filter(|at| month.len() == 3 && at % 3 == 0)? / 3 + 1;
    parse_rfc3339(&format!("{year}-{month:02}-{day}T{time}Z"))
}

/// The day of a time, `2026-11-23`.
pub fn day(time: Millis) -> String {
    rfc3339(time).chars().take(10).collect()
}

/// The month of a time, `2026-11`.
pub fn month(time: Millis) -> String {
    rfc3339(time).chars().take(7).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times_are_written_as_the_calendar_has_them() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(951_782_400_123), "2000-02-29T00:00:00.123Z");
        assert_eq!(rfc3339(1_795_392_000_000), "2026-11-23T00:00:00.000Z");
        assert_eq!(month(951_782_400_123), "2000-02");
    }

    #[test]
    fn offsets_are_taken_off_and_nonsense_is_refused() {
        assert_eq!(parse_rfc3339("2026-11-23T01:00:00+01:00"), Some(1_795_392_000_000));
        assert_eq!(parse_rfc3339("2026-11-23T00:00:00.5Z"), Some(1_795_392_000_500));
        for bad in [
            "",
            "2026-11-23",
            "2026-02-30T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T00:00:00",
            "2026-11-23T00:00:00.Z",
            "2026-11-23T00:00:00+1:00",
            "2026-11-23T00:00:00Zx",
            "2026-11-23T00:00:00++1:00",
            "2026-11-23T00:00:00+-1:00",
            "1970-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
        ] {
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn dates_of_http_are_read_and_nonsense_is_refused() {
        assert_eq!(parse_http_date("Mon, 23 Nov 2026 00:00:00 GMT"), Some(1_795_392_000_000));
        assert_eq!(parse_http_date("Tue, 29 Feb 2000 00:00:01 GMT"), Some(951_782_401_000));
        for bad in [
            "",
            "Mon, 23 Nov 2026 00:00:00",
            "Mon, 23 Nov 2026 00:00:00 CET",
            "Mon, 23 ovD 2026 00:00:00 GMT",
            "Mon, 23 NovDec 2026 00:00:00 GMT",
            "Mon, 23  2026 00:00:00 GMT",
            "Mon, 30 Feb 2026 00:00:00 GMT",
            "Mon, 23 Nov 2026 24:00:00 GMT",
            "Monday, 23-Nov-26 00:00:00 GMT",
        ] {
            assert_eq!(parse_http_date(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(time in 0..END) {
            prop_assert_eq!(parse_rfc3339(&rfc3339(time)), Some(time));
        }

        #[test]
        fn parsing_never_panics(text in ".*") {
            let _ = (parse_rfc3339(&text), parse_http_date(&text));
        }
    }
}
