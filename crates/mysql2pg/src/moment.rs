//! Times between the driver's form and microseconds since 1970-01-01.

use jiff::civil::{Date, DateTime};
use mysql::Value;

/// A time as the driver gives or takes it; `None` for a zero date and for what is no time.
pub(crate) fn micros(value: &Value) -> Option<i64> {
    let Value::Date(year, month, day, hour, minute, second, micros) = *value else {
        return None;
    };
    let part = |part: u8| i8::try_from(part).ok();
    let nanos = i32::try_from(micros).ok()?.checked_mul(1000)?;
    let time = DateTime::new(
        i16::try_from(year).ok()?,
        part(month)?,
        part(day)?,
        part(hour)?,
        part(minute)?,
        part(second)?,
        nanos,
    );
    let since = time.ok()?.duration_since(epoch());
    i64::try_from(since.as_micros()).ok()
}

/// A time for a statement's parameter.
pub(crate) fn value(micros: i64) -> Value {
    let time = epoch().saturating_add(jiff::SignedDuration::from_micros(micros));
    Value::Date(
        u16::try_from(time.year()).unwrap_or(0),
        time.month().unsigned_abs(),
        time.day().unsigned_abs(),
        time.hour().unsigned_abs(),
        time.minute().unsigned_abs(),
        time.second().unsigned_abs(),
        time.subsec_nanosecond().unsigned_abs() / 1000,
    )
}

fn epoch() -> DateTime {
    Date::constant(1970, 1, 1).at(0, 0, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let time = Value::Date(2026, 1, 25, 10, 15, 0, 123_456);
        let there = micros(&time).unwrap();
        assert_eq!(there, 1_769_336_100_123_456);
        assert_eq!(value(there), time);
        assert_eq!(micros(&Value::Date(1, 1, 1, 0, 0, 0, 0)), Some(-62_135_596_800_000_000));
        assert_eq!(micros(&Value::Date(0, 0, 0, 0, 0, 0, 0)), None);
        assert_eq!(micros(&Value::NULL), None);
    }
}
