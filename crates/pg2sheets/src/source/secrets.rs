//! Columns that should perhaps not be in a workbook.

use super::columns::Column;

/// Parts of names under which secrets are kept.
const WORDS: [&str; 14] = [
    "password",
    "passwd",
    "passwort",
    "motdepasse",
    "mot_de_passe",
    "pwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "private_key",
    "privatekey",
    "credential",
    "salt",
];

/// Names of the columns that look as if they held secrets.
pub(crate) fn suspects(columns: &[Column]) -> Vec<&str> {
    let is_suspect = |name: &str| {
        let name = name.to_lowercase().replace('-', "_");
        WORDS.iter().any(|word| name.contains(word))
    };
    columns.iter().map(|column| column.name.as_str()).filter(|name| is_suspect(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Kind;

    #[test]
    fn secrets_are_found_by_their_names() {
        let columns = ["id", "passwordHash", "API-Key", "resetToken", "phone", "motDePasse", "total"];
        let columns =
            columns.map(|name| Column { name: name.to_owned(), kind: Kind::Text, sql: String::new() });
        assert_eq!(suspects(&columns), ["passwordHash", "API-Key", "resetToken", "motDePasse"]);
    }
}
