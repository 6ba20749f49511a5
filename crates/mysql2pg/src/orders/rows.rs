//! A page of orders as rows for the stages: those that are wanted, and those that must be set aside.

use std::collections::HashSet;

use pg_load::encode::Notes;
use pg_load::rejected::Rejected;
use pg_load::row_json;
use pg_load::value::Value;

use super::choose::{Accessory, Operation, Order};
use super::destination::{self, Destination};
use crate::load::fields::Encoded;

/// A page's rows.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) orders: Encoded,
    pub(crate) details: Encoded,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) notes: Notes,
}

/// Numbers rows over all pages.
#[derive(Debug, Default)]
pub(crate) struct Ordinals {
    orders: i64,
    details: i64,
}

impl Rows {
    /// The rows of the wanted orders; `wanted` are the page's orders that are.
    pub(crate) fn of<'a>(
        wanted: impl Iterator<Item = &'a Order>,
        destination: &Destination,
        ordinals: &mut Ordinals,
    ) -> Rows {
        let mut rows = Rows::default();
        for order in wanted {
            if let Err(reason) = rows.add(order, destination, ordinals) {
                rows.rejected.push(reject(order, reason));
            }
        }
        rows
    }

    fn add(
        &mut self,
        order: &Order,
        destination: &Destination,
        ordinals: &mut Ordinals,
    ) -> Result<(), String> {
        if let Some(misfit) = &order.misfit {
            return Err(misfit.clone());
        }
        ordinals.orders += 1;
        let fields = &destination.orders.fields;
        self.orders.push(Some(ordinals.orders), fields, order_values(order), &mut self.notes)?;
        let Some(details) = &destination.details else {
            return Ok(());
        };
        let mark = (self.details.bytes.len(), self.details.ends.len());
        let added = distinct_parts(order).and_then(|()| {
            combinations(order).try_for_each(|(accessory, operation)| {
                ordinals.details += 1;
                let values = detail_values(order, accessory, operation);
                self.details.push(Some(ordinals.details), &details.fields, values, &mut self.notes)
            })
        });
        added.inspect_err(|_| {
            // All of an order or nothing of it.
            self.details.bytes.truncate(mark.0);
            self.details.ends.truncate(mark.1);
            self.orders.pop();
        })
    }
}

/// Every accessory with every operation, or with none where the order has none.
fn combinations(order: &Order) -> impl Iterator<Item = (&Accessory, Option<&Operation>)> {
    order.accessories.iter().flat_map(|accessory| {
        let none = order.operations.is_empty().then_some((accessory, None));
        none.into_iter().chain(order.operations.iter().map(move |operation| (accessory, Some(operation))))
    })
}

/// Repaired texts and ids that only the source's collation holds for equal may make two parts one.
fn distinct_parts(order: &Order) -> Result<(), String> {
    let mut places = HashSet::new();
    let mut numbers = HashSet::new();
    let accessories = order.accessories.iter();
    let operations = order.operations.iter();
    if order.accessories.len() > 1
        && !accessories.map(|a| (a.position, a.kind, a.number)).all(|at| places.insert(at))
    {
        return Err("two accessories have the same position, kennung and znr".to_owned());
    }
    if order.operations.len() > 1
        && !operations.map(|o| o.number.as_deref().unwrap_or("")).all(|n| numbers.insert(n))
    {
        return Err("two operations have the same nummer".to_owned());
    }
    Ok(())
}

fn text(text: Option<&String>) -> Value<'_> {
    text.map_or(Value::Null, |text| Value::Text(text.as_bytes()))
}

/// In the order of the destination's fields.
fn order_values(order: &Order) -> [Value<'_>; 10] {
    let (head, accessory, operation) = (&order.head, order.accessory(), order.operation());
    [
        Value::Text(head.id.as_bytes()),
        head.number.map_or(Value::Null, Value::Int),
        text(head.extension.as_ref()),
        text(head.status.as_ref()),
        text(head.name.as_ref()),
        order.log.and_then(|log| log.at).map_or(Value::Null, Value::Moment),
        text(accessory.and_then(|accessory| accessory.code.as_ref())),
        text(accessory.and_then(|accessory| accessory.text.as_ref())),
        text(operation.and_then(|operation| operation.number.as_ref())),
        text(operation.and_then(|operation| operation.name.as_ref())),
    ]
}

/// In the order of the destination's fields.
fn detail_values<'a>(
    order: &'a Order,
    accessory: &'a Accessory,
    operation: Option<&'a Operation>,
) -> [Value<'a>; 9] {
    [
        Value::Text(order.head.id.as_bytes()),
        Value::Int(accessory.position),
        Value::Int(accessory.kind),
        Value::Int(accessory.number),
        Value::Text(operation.and_then(|operation| operation.number.as_deref()).unwrap_or("").as_bytes()),
        order.head.number.map_or(Value::Null, Value::Int),
        text(accessory.code.as_ref()),
        text(accessory.text.as_ref()),
        text(operation.and_then(|operation| operation.name.as_ref())),
    ]
}

fn reject(order: &Order, reason: String) -> Rejected {
    let names = destination::ORDER.into_iter().map(|(name, ..)| name);
    let columns: Vec<(&str, Value<'_>)> = names.zip(order_values(order)).collect();
    Rejected { key: order.head.id.clone(), reason, row: row_json::row(&columns) }
}
