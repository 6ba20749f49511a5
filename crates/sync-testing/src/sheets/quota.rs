//! How many calls a minute are let through.

use std::time::Instant;

use super::record::CallKind;

/// A bucket for reads and one for writes; `None` lets everything through.
#[derive(Debug)]
pub(super) struct Quota {
    read: Option<Bucket>,
    write: Option<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    size: f64,
    level: f64,
    filled: Instant,
}

impl Quota {
    /// Full buckets of these sizes, each of which fills in a minute.
    pub(super) fn new(sizes: Option<(u32, u32)>) -> Quota {
        let bucket = |size: u32| Bucket { size: size.into(), level: size.into(), filled: Instant::now() };
        Quota { read: sizes.map(|(r, _)| bucket(r)), write: sizes.map(|(_, w)| bucket(w)) }
    }

    /// Takes a call out of its bucket; `false` if that is empty.
    pub(super) fn take(&mut self, kind: CallKind) -> bool {
        let bucket = match kind {
            CallKind::Token => return true,
            CallKind::Read => &mut self.read,
            CallKind::Write => &mut self.write,
        };
        bucket.as_mut().is_none_or(Bucket::take)
    }
}

impl Bucket {
    fn take(&mut self) -> bool {
        let now = Instant::now();
        let gained = now.duration_since(self.filled).as_secs_f64() * self.size / 60.0;
        self.level = (self.level + gained).min(self.size);
        self.filled = now;
        let has_one = self.level >= 1.0;
        if has_one {
            self.level -= 1.0;
        }
        has_one
    }
}
