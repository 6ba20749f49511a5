//! Bit strings, which PostgreSQL holds from the left.

use super::{Fit, Misfit, misfit, wrong};
use crate::value::Value;

/// For a `bit(n)` or `bit varying` column: how many bits, then the bits from the left, the last byte filled with zeros.
pub(super) fn bits(out: &mut Vec<u8>, value: Value<'_>) -> Fit {
    match value {
        Value::Bits { bytes, n } => {
            let unused = n_unused(bytes, n)?;
            out.extend_from_slice(&(n as i32).to_be_bytes());
            for (i, byte) in bytes.iter().enumerate() {
                let next = bytes.get(i + 1).copied().unwrap_or(0);
                let both = u16::from(*byte) << 8 | u16::from(next);
                out.push((both << unused >> 8) as u8);
            }
        }
        Value::Text(digits) if digits.iter().all(|digit| matches!(digit, b'0' | b'1')) => {
            out.extend_from_slice(&(digits.len() as i32).to_be_bytes());
            out.extend(digits.chunks(8).map(|eight| {
                let byte = eight.iter().fold(0, |sum, digit| sum << 1 | (digit - b'0'));
                byte << (8 - eight.len())
            }));
        }
        Value::Text(_) => return Err(misfit("text other than 0 and 1 in a bit column")),
        _ => return Err(wrong(value, "a bit column")),
    }
    Ok(())
}

/// Appends bits as the digits that PostgreSQL prints them with.
pub(super) fn digits(out: &mut Vec<u8>, bytes: &[u8], n: u32) -> Fit {
    let unused = n_unused(bytes, n)?;
    let all = bytes.iter().flat_map(|byte| (0..8).rev().map(move |place| b'0' + (byte >> place & 1)));
    out.extend(all.skip(unused as usize));
    Ok(())
}

/// How many bits of the first byte do not count.
fn n_unused(bytes: &[u8], n: u32) -> Result<u32, Misfit> {
    let n_held = 8 * bytes.len() as u64;
    let unused = n_held.checked_sub(n.into()).filter(|unused| *unused < 8 && n_held < 1 << 31);
    unused.map(|unused| unused as u32).ok_or(misfit("bits of another length than their bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: Value<'_>) -> Result<Vec<u8>, Misfit> {
        let mut out = Vec::new();
        bits(&mut out, value).map(|()| out)
    }

    #[test]
    fn bits_move_to_the_left() {
        let typed = |bytes, n| encoded(Value::Bits { bytes, n });
        assert_eq!(typed(&[1], 1), Ok(vec![0, 0, 0, 1, 0x80]));
        assert_eq!(typed(&[0x0a], 8), Ok(vec![0, 0, 0, 8, 0x0a]));
        assert_eq!(typed(&[0x02, 0x01], 10), Ok(vec![0, 0, 0, 10, 0x80, 0x40]));
        assert_eq!(typed(&[0xff; 8], 64), Ok([&[0, 0, 0, 64][..], &[0xff; 8]].concat()));
        assert_eq!(typed(&[], 0), Ok(vec![0; 4]));
        for (bytes, n) in [(&[1_u8][..], 9), (&[0, 1], 8), (&[], 1)] {
            assert!(typed(bytes, n).is_err());
        }
        assert_eq!(encoded(Value::Text(b"1000000001")), Ok(vec![0, 0, 0, 10, 0x80, 0x40]));
        assert!(encoded(Value::Text(b"102")).is_err());
        assert_eq!(encoded(Value::Int(1)), Err(misfit("number in a bit column")));
    }

    #[test]
    fn digits_are_those_that_count() {
        let mut out = Vec::new();
        digits(&mut out, &[0x02, 0x01], 10).unwrap();
        assert_eq!(out, b"1000000001");
    }
}
