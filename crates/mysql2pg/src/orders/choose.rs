//! An order's parts, and which of them the order's one row shows.
//!
//! The joined rows of an order are all combinations of its log lines, accessories and operations. The order in which they
//! compete looks at the log line first, then at the accessory, then at the operation; hence each part is chosen by itself.

/// An order's own columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) number: Option<i64>,
    pub(crate) extension: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) name: Option<String>,
}

/// A log line with a wanted note; time in microseconds since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) at: Option<i64>,
    pub(crate) id: i64,
}

impl Log {
    /// The latest goes first, NULL last, then the highest id.
    pub(crate) fn goes_before(&self, other: &Log) -> bool {
        (self.at, self.id) > (other.at, other.id)
    }
}

/// An accessory with a wanted code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accessory {
    pub(crate) code: Option<String>,
    pub(crate) position: i64,
    pub(crate) kind: i64,
    pub(crate) number: i64,
    pub(crate) text: Option<String>,
}

/// An operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) number: Option<String>,
    pub(crate) name: Option<String>,
}

/// An order as it is read, part by part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    pub(crate) head: Head,
    pub(crate) log: Option<Log>,
    pub(crate) accessories: Vec<Accessory>,
    pub(crate) operations: Vec<Operation>,
    /// Why it cannot be delivered.
    pub(crate) misfit: Option<String>,
}

impl Order {
    /// Takes a log line if it goes before the one that was taken.
    pub(crate) fn offer(&mut self, log: Log) {
        if self.log.is_none_or(|taken| log.goes_before(&taken)) {
            self.log = Some(log);
        }
    }

    /// Takes a log line that was read, or could not be: the order is still wanted then, and is set aside.
    pub(crate) fn take_line(&mut self, line: Result<Log, String>) -> Result<(), String> {
        self.offer(*line.as_ref().unwrap_or(&Log { at: None, id: i64::MIN }));
        line.map(|_| ())
    }

    /// Takes a part of this table; notes why it cannot be taken.
    pub(crate) fn take(&mut self, table: &str, part: impl FnOnce(&mut Order) -> Result<(), String>) {
        if let Err(misfit) = part(self) {
            self.misfit.get_or_insert(format!("{table}.{misfit}"));
        }
    }

    /// Has a wanted log line and a wanted accessory.
    pub(crate) fn is_wanted(&self) -> bool {
        self.log.is_some() && !self.accessories.is_empty()
    }

    /// The smallest code by bytes, then the smallest position, kind and number.
    pub(crate) fn accessory(&self) -> Option<&Accessory> {
        self.accessories
            .iter()
            .min_by_key(|part| (part.code.as_deref(), part.position, part.kind, part.number))
    }

    /// The smallest number by bytes, NULL last.
    pub(crate) fn operation(&self) -> Option<&Operation> {
        self.operations.iter().min_by_key(|part| (part.number.is_none(), part.number.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accessory(code: &str, position: i64, kind: i64, number: i64) -> Accessory {
        Accessory { code: Some(code.into()), position, kind, number, text: None }
    }

    #[test]
    fn the_latest_log_line_wins_and_null_comes_last() {
        let mut order = Order::default();
        for (at, id) in
            [(None, 9), (Some(5), 1), (Some(7), 2), (Some(7), 3), (Some(7), 1), (Some(6), 8), (None, 10)]
        {
            order.offer(Log { at, id });
        }
        assert_eq!(order.log, Some(Log { at: Some(7), id: 3 }));
    }

    #[test]
    fn accessories_compare_by_the_bytes_of_their_code() {
        let accessories = vec![
            accessory("VRé", 1, 1, 1),
            accessory("VRz", 2, 2, 2),
            accessory("VRz", 2, 1, 9),
            accessory("VRz", 2, 1, 3),
        ];
        let order = Order { accessories, ..Order::default() };
        assert_eq!(order.accessory(), Some(&accessory("VRz", 2, 1, 3)), "z is 7a, é is c3 a9");
    }

    #[test]
    fn an_operation_without_number_comes_last() {
        let operation = |number: Option<&str>| Operation { number: number.map(Into::into), name: None };
        let order = Order {
            operations: vec![operation(None), operation(Some("20")), operation(Some("10"))],
            ..Order::default()
        };
        assert_eq!(order.operation(), Some(&operation(Some("10"))));
    }
}
