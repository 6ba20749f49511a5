//! `mysql2pg inspect`: what the orders' tables hold, and where orders are lost on the way.

use std::io;

use anyhow::Result;
use sync_core::exit::Exit;

use crate::args::WantedArgs;
use crate::orders::inspect;
use crate::orders::schema::Schema;
use crate::server::{self, MySettings};
use crate::settings;

/// Prints everything; needs no PostgreSQL.
pub(crate) fn run(mysql: &MySettings, args: &WantedArgs) -> Result<Exit> {
    let wanted = settings::wanted(args)?;
    let mut conn = server::connect(mysql)?;
    let schema = Schema::find(&mut conn)?;
    inspect::print(&mut conn, &schema, &wanted, &mut io::stdout().lock())?;
    Ok(Exit::Done)
}
