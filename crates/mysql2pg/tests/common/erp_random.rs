//! Orders by chance: the same for the same seed.

use std::collections::HashSet;

use fastrand::Rng;

use super::erp::{Accessory, Datum, Erp, Log, Operation, Order, Shape, Text};

/// What an ERP by chance is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    pub(crate) n_orders: usize,
    /// Now and then an order has no number, which the destination refuses.
    pub(crate) null_numbers: bool,
}

/// Notes, the planned ones in every spelling that the collation takes for the same, and some that only look alike.
const NOTES: [&str; 12] = [
    "cde Planifiée",
    "cde PlanifiÃ©e",
    "12/03 cde Planifiée, à livrer",
    "rappel : cde PlanifiÃ©e par l'atelier",
    "CDE PLANIFIÉE",
    "cde planifiee",
    "cde Planifié",
    "cdePlanifiée",
    "commande planifiée",
    "100 % réglé_",
    "client rappelé 😀",
    "",
];

const CODES: [&str; 16] = [
    "VR12", "VR12", "VR12 ", "vr12", "VR2", "VRé", "SOP-1", "sop-1", "SOP", "S P 7", "s p 7", "SP 7", "XVR1",
    "V", "", "VR\\9'",
];

/// Texts that were encoded twice, as they were meant.
const BROKEN: [&str; 7] =
    ["été", "Volet roulé à lames", "Forêt – Nord", "50 €", "l’atelier", "Größe 7 mm", "cuisine 😀"];

/// Texts that are right as they are, some of which look as if they were not.
const CLEAN: [&str; 10] =
    ["été", "naïve", "SÃO PAULO", "Ã", "prix ©", "O'Hara \\ fils", "Größe", "tab\tet\nligne", "", "😀 lames"];

const NUMBERS: [&str; 9] = ["10", "9", "A1", "a2", "B", "é1", "", "20", "100"];
const EXTENSIONS: [&str; 4] = ["A", "B2", "é", ""];

impl Erp {
    /// An ERP of this shape, by chance.
    pub(crate) fn random(shape: Shape, seed: u64, recipe: Recipe) -> Erp {
        let mut erp = Erp { shape, orders: Vec::new(), next_log: 1 };
        let mut rng = Rng::with_seed(seed);
        for _ in 0..recipe.n_orders {
            erp.add_order(&mut rng, recipe);
        }
        erp
    }

    /// Changes about a tenth of the orders, drops some, and adds some.
    pub(crate) fn mutate(&mut self, rng: &mut Rng, recipe: Recipe) {
        let n_changes = self.orders.len() / 10 + 1;
        for _ in 0..n_changes {
            match rng.u8(..10) {
                0 | 1 => self.add_order(rng, recipe),
                2 if self.orders.len() > 1 => drop(self.orders.swap_remove(rng.usize(..self.orders.len()))),
                _ => self.change_order(rng),
            }
        }
    }

    fn add_order(&mut self, rng: &mut Rng, recipe: Recipe) {
        let id = self.new_id(rng);
        let mut order = Order::new(&id, rng.i32(1..200_000));
        order.has_head = !one_in(rng, 20);
        if recipe.null_numbers && one_in(rng, 10) {
            order.number = None;
        }
        order.extension = maybe(rng, |rng| self.fitting(pick(rng, &EXTENSIONS)));
        order.status = self.text(rng);
        order.project = self.text(rng);
        for _ in 0..rng.usize(..5) {
            order.logs.push(self.log(rng));
        }
        let mut places = HashSet::new();
        for _ in 0..rng.usize(..6) {
            let item = self.accessory(rng);
            if places.insert((item.position, item.kennung, item.znr)) {
                order.accessories.push(item);
            }
        }
        let mut numbers = HashSet::new();
        for _ in 0..rng.usize(..4) {
            let operation = self.operation(rng);
            // The collation takes `A1` and `a1` for one key.
            if numbers.insert(operation.number.to_lowercase()) {
                order.operations.push(operation);
            }
        }
        self.orders.push(order);
    }

    fn change_order(&mut self, rng: &mut Rng) {
        let at = rng.usize(..self.orders.len());
        let mut order = self.orders[at].clone();
        match rng.u8(..7) {
            0 => order.status = self.text(rng),
            1 => order.logs.push(self.log(rng)),
            2 => drop(order.logs.pop()),
            3 => drop(order.accessories.pop()),
            4 => drop(order.operations.pop()),
            5 => order.accessories.iter_mut().for_each(|item| item.text = self.text(rng)),
            _ => order.number = order.number.map(|number| number + 1),
        }
        self.orders[at] = order;
    }

    /// An id of hex digits that no order has yet, not even in other letters; every third is nearly another's.
    fn new_id(&self, rng: &mut Rng) -> String {
        loop {
            let mut id = format!("{:016x}{:016x}", rng.u64(..), rng.u64(..));
            if one_in(rng, 3) && !self.orders.is_empty() {
                id = self.orders[rng.usize(..self.orders.len())].id.clone();
                let last = id.pop();
                if one_in(rng, 2) || id.is_empty() {
                    id.extend(
                        [last.filter(|_| id.len() < 31), char::from_digit(rng.u32(..16), 16)]
                            .iter()
                            .flatten(),
                    );
                }
            } else if one_in(rng, 8) {
                id = id.to_uppercase();
            }
            if !id.is_empty() && self.orders.iter().all(|order| !order.id.eq_ignore_ascii_case(&id)) {
                return id;
            }
        }
    }

    fn log(&mut self, rng: &mut Rng) -> Log {
        // Later lines do not always have later dates, nor higher ids.
        let id = self.next_log;
        self.next_log += 1 + rng.i32(0..3);
        let datum = match rng.u8(..8) {
            0 => Datum::Null,
            1 => Datum::Zero,
            2..=4 => Datum::At("2026-01-25 10:00:00".to_owned()),
            _ => Datum::At(format!(
                "20{:02}-{:02}-{:02} 07:30:59",
                rng.u8(1..27),
                rng.u8(1..13),
                rng.u8(1..29)
            )),
        };
        let planned = !one_in(rng, 3);
        let note = maybe(rng, |rng| pick(rng, if planned { &NOTES[..6] } else { &NOTES }));
        Log { id, datum, note: note.map(|note| self.fitting(note)) }
    }

    fn accessory(&self, rng: &mut Rng) -> Accessory {
        Accessory {
            position: rng.i16(-1..4),
            kennung: rng.i16(0..2) + i16::from(one_in(rng, 9)) * 20_000,
            znr: rng.i16(1..3),
            code: maybe(rng, |rng| pick(rng, &CODES).to_owned()),
            text: self.text(rng),
        }
    }

    fn operation(&self, rng: &mut Rng) -> Operation {
        Operation { number: pick(rng, &NUMBERS).to_owned(), name: self.text(rng) }
    }

    fn text(&self, rng: &mut Rng) -> Option<Text> {
        maybe(rng, |rng| match one_in(rng, 3) {
            true => Text::broken(pick(rng, &BROKEN)),
            false => Text::clean(&self.fitting(pick(rng, &CLEAN))),
        })
    }

    /// The text without what the tables' charset has no place for.
    fn fitting(&self, text: &str) -> String {
        if self.shape.charset == "latin1" { text.replace('😀', "") } else { text.to_owned() }
    }
}

fn one_in(rng: &mut Rng, n: u32) -> bool {
    rng.u32(..n) == 0
}

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.usize(..from.len())]
}

/// Something, or now and then nothing.
fn maybe<T>(rng: &mut Rng, make: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    (!one_in(rng, 9)).then(|| make(rng))
}
