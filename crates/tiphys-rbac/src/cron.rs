//! Schedules of sync windows: five fields (minute, hour, day of month, month, day of week), as cron has them.

use chrono::{Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

/// A schedule, as one set of bits for each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// The field is a star: then it does not choose days by itself.
    any_day: bool,
    any_weekday: bool,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// So many years are looked ahead: 29 February on a certain weekday comes every 28 years, but a schedule that does not
/// fire within five is taken as one that never does.
const YEARS: i32 = 5;

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!("expected exactly 5 fields, found {}", fields.len()));
        };
        let (minutes, _) = field(minute, 0, 59, &[])?;
        let (hours, _) = field(hour, 0, 23, &[])?;
        let (days, any_day) = field(day, 1, 31, &[])?;
        let (months, _) = field(month, 1, 12, &MONTHS)?;
        let (weekdays, any_weekday) = field(weekday, 0, 6, &WEEKDAYS)?;
        Ok(Self { minutes, hours, days, months, weekdays, any_day, any_weekday })
    }

    /// The first time after `from` at which the schedule fires; `None` when there is none for years.
    pub(crate) fn next_after(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let start = from.with_second(0)?.with_nanosecond(0)?.checked_add_signed(Duration::minutes(1))?;
        let last_year = start.year() + YEARS;
        let mut date = start.date();
        let mut earliest = start.time();
        while date.year() <= last_year {
            if !has(self.months, date.month()) {
                date = first_of_next_month(date)?;
                earliest = NaiveTime::MIN;
                continue;
            }
            if self.is_on(date)
                && let Some(time) = self.time_from(earliest)
            {
                return Some(date.and_time(time));
            }
            date = date.succ_opt()?;
            earliest = NaiveTime::MIN;
        }
        None
    }

    /// With a star in one of the two day fields the other decides; otherwise either is enough.
    fn is_on(&self, date: NaiveDate) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().num_days_from_sunday());
        if self.any_day || self.any_weekday { day && weekday } else { day || weekday }
    }

    fn time_from(&self, earliest: NaiveTime) -> Option<NaiveTime> {
        (earliest.hour()..24).filter(|&hour| has(self.hours, hour)).find_map(|hour| {
            let from = if hour == earliest.hour() { earliest.minute() } else { 0 };
            let minute = (from..60).find(|&minute| has(self.minutes, minute))?;
            NaiveTime::from_hms_opt(hour, minute, 0)
        })
    }
}

fn has(bits: u64, number: u32) -> bool {
    bits.checked_shr(number).is_some_and(|bits| bits & 1 == 1)
}

fn first_of_next_month(date: NaiveDate) -> Option<NaiveDate> {
    match date.month() {
        12 => NaiveDate::from_ymd_opt(date.year() + 1, 1, 1),
        month => NaiveDate::from_ymd_opt(date.year(), month + 1, 1),
    }
}

/// The bits of one field, and whether it is a star.
fn field(text: &str, min: u32, max: u32, names: &[&str]) -> Result<(u64, bool), String> {
    let mut bits = 0;
    let mut is_star = false;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(number(step, &[])?)),
            None => (part, None),
        };
        if step == Some(0) {
            return Err(format!("step of `{part}` is 0"));
        }
        let (from, to) = match range {
            "*" | "?" => {
                is_star |= step.is_none_or(|step| step == 1);
                (min, max)
            }
            range => match range.split_once('-') {
                Some((from, to)) => (number(from, names)?, number(to, names)?),
                // `5/10` goes on from 5 to the end.
                None => {
                    let from = number(range, names)?;
                    (from, if step.is_some() { max } else { from })
                }
            },
        };
        if from < min || to > max || from > to {
            return Err(format!("`{part}` is outside {min}-{max}"));
        }
        for number in (from..=to).step_by(step.unwrap_or(1) as usize) {
            bits |= 1_u64 << number;
        }
    }
    Ok((bits, is_star))
}

/// A number, or a name of a month (from 1) or weekday (from 0).
fn number(text: &str, names: &[&str]) -> Result<u32, String> {
    let lower = text.to_lowercase();
    if let Some(index) = names.iter().position(|name| *name == lower) {
        let first = u32::from(names.len() == MONTHS.len());
        return Ok(first + u32::try_from(index).unwrap_or_default());
    }
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, from: &str) -> String {
        let from = NaiveDateTime::parse_from_str(from, "%Y-%m-%d %H:%M:%S").unwrap();
        Schedule::parse(schedule)
            .unwrap()
            .next_after(from)
            .map_or_else(|| "never".to_owned(), |at| at.format("%Y-%m-%d %H:%M").to_string())
    }

    #[test]
    fn a_schedule_fires_next_where_all_its_fields_say() {
        // 2024-01-01 was a Monday.
        for (schedule, from, expected) in [
            ("* * * * *", "2024-01-01 10:00:00", "2024-01-01 10:01"),
            ("0 * * * *", "2024-01-01 10:00:00", "2024-01-01 11:00"),
            ("0 10 * * *", "2024-01-01 09:59:59", "2024-01-01 10:00"),
            ("0 10 * * *", "2024-01-01 10:00:00", "2024-01-02 10:00"),
            ("*/15 * * * *", "2024-01-01 10:31:00", "2024-01-01 10:45"),
            ("5/20 * * * *", "2024-01-01 10:26:00", "2024-01-01 10:45"),
            ("0 9-17/4 * * *", "2024-01-01 10:00:00", "2024-01-01 13:00"),
            ("0 0 * * sat,SUN", "2024-01-01 00:00:00", "2024-01-06 00:00"),
            ("0 0 1 * *", "2024-01-01 00:00:00", "2024-02-01 00:00"),
            ("0 0 31 * *", "2024-04-01 00:00:00", "2024-05-31 00:00"),
            ("0 0 * feb *", "2024-03-01 00:00:00", "2025-02-01 00:00"),
            // Either day field is enough when neither is a star.
            ("0 0 15 * 5", "2024-01-01 00:00:00", "2024-01-05 00:00"),
            ("0 0 29 2 *", "2024-03-01 00:00:00", "2028-02-29 00:00"),
            ("0 0 31 2 *", "2024-01-01 00:00:00", "never"),
        ] {
            assert_eq!(next(schedule, from), expected, "{schedule}");
        }
    }

    #[test]
    fn a_schedule_that_is_none_is_an_error() {
        for text in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 7",
            "5-1 * * * *",
            "*/0 * * * *",
            "x * * * *",
            "@hourly",
        ] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }
}
