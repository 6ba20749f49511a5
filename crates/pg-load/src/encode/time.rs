//! Days, points in time and lengths of time.

use super::{Fit, Misfit, Notes, misfit, wrong};
use crate::timestamp::{self, MICROS_PER_DAY, Moment, PG_EPOCH_MICROS};
use crate::value::Value;

/// Days since 2000-01-01.
pub(super) fn date(value: Value<'_>) -> Result<i32, Misfit> {
    let (moment, zoned) = match value {
        Value::Text(bytes) => {
            timestamp::parse_with_zone(bytes).ok_or(misfit("text that is no date in a date column"))?
        }
        Value::Date(_) | Value::Moment(_) => (moment(value)?, false),
        _ => return Err(wrong(value, "a date column")),
    };
    let micros = moment.micros - PG_EPOCH_MICROS;
    if zoned || moment.cut || micros % MICROS_PER_DAY != 0 {
        return Err(misfit("time of day in a date column"));
    }
    // Four-digit years: some 3.7 million days.
    Ok((micros / MICROS_PER_DAY) as i32)
}

/// Microseconds since 2000-01-01.
pub(super) fn timestamp(value: Value<'_>, notes: &mut Notes) -> Result<i64, Misfit> {
    let moment = moment(value)?;
    notes.n_cut += u64::from(moment.cut);
    notes.n_shifted += u64::from(moment.shifted);
    Ok(moment.micros - PG_EPOCH_MICROS)
}

fn moment(value: Value<'_>) -> Result<Moment, Misfit> {
    let typed = |micros: i64| {
        let moment = Moment { micros, cut: false, shifted: false };
        timestamp::is_in_range(micros).then_some(moment).ok_or(misfit("time outside of the years 1 to 9999"))
    };
    match value {
        Value::Text(bytes) => {
            timestamp::parse(bytes).ok_or(misfit("text that is no timestamp in a timestamp column"))
        }
        Value::Date(days) => typed(i64::from(days).saturating_mul(MICROS_PER_DAY)),
        Value::Moment(micros) => typed(micros),
        Value::Int(_) | Value::UInt(_) | Value::Real(_) | Value::Float(_) => {
            timestamp::from_number(value.as_number()).ok_or(misfit("number out of the range of timestamps"))
        }
        _ => Err(wrong(value, "a timestamp column")),
    }
}

/// For an `interval` column: microseconds, no days and no months, so that 838:59:59 stays what it is.
pub(super) fn interval(out: &mut Vec<u8>, value: Value<'_>, notes: &mut Notes) -> Fit {
    let micros = match value {
        Value::Interval(micros) => micros,
        Value::Text(bytes) => {
            let (micros, cut) = timestamp::parse_interval(bytes)
                .ok_or(misfit("text other than hours, minutes and seconds in an interval column"))?;
            notes.n_cut += u64::from(cut);
            micros
        }
        _ => return Err(wrong(value, "an interval column")),
    };
    out.extend_from_slice(&micros.to_be_bytes());
    out.extend_from_slice(&[0; 8]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_times_need_no_text() {
        let mut notes = Notes::default();
        assert_eq!(date(Value::Date(10_958)), Ok(1));
        assert_eq!(date(Value::Moment(PG_EPOCH_MICROS)), Ok(0));
        assert_eq!(date(Value::Moment(1)), Err(misfit("time of day in a date column")));
        assert_eq!(timestamp(Value::Date(10_957), &mut notes), Ok(0));
        assert_eq!(timestamp(Value::Moment(PG_EPOCH_MICROS - 1), &mut notes), Ok(-1));
        assert_eq!(timestamp(Value::UInt(946_684_800), &mut notes), Ok(0));
        for beyond in [Value::Moment(i64::MIN), Value::Moment(i64::MAX), Value::Date(i32::MAX)] {
            assert!(timestamp(beyond, &mut notes).is_err() && date(beyond).is_err(), "{beyond:?}");
        }
        assert_eq!(timestamp(Value::Interval(1), &mut notes), Err(misfit("interval in a timestamp column")));
        assert_eq!(date(Value::UInt(1)), Err(misfit("number in a date column")));
        assert_eq!(notes, Notes::default());
    }

    #[test]
    fn intervals_are_microseconds_alone() {
        let (mut out, mut notes) = (Vec::new(), Notes::default());
        interval(&mut out, Value::Interval(-43_200_000_000), &mut notes).unwrap();
        assert_eq!(out, [&(-43_200_000_000_i64).to_be_bytes()[..], &[0; 8]].concat());
        out.clear();
        interval(&mut out, Value::Text(b"0:00:01.0000001"), &mut notes).unwrap();
        assert_eq!((out[..8].to_vec(), notes.n_cut), (1_000_000_i64.to_be_bytes().to_vec(), 1));
        for refused in [Value::Int(1), Value::Text(b"1 day"), Value::Date(1), Value::Blob(b"1:00")] {
            assert!(interval(&mut out, refused, &mut notes).is_err(), "{refused:?}");
        }
    }
}
