//! Settings from the environment and from an `.env` file, with `NAME_FILE` for secrets.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::fault::Fault;

const DOTENV: &str = ".env";

/// A snapshot of the settings in the environment: the real environment first, then the `.env` file.
///
/// A snapshot, because changing the environment of a process that has threads is unsound.
#[derive(Clone, Default)]
pub struct Env {
    /// The layers, the strongest first.
    layers: Vec<HashMap<String, String>>,
}

impl Env {
    /// The real environment over the `.env` file at `path`, which must exist, or over `./.env` if that exists.
    pub fn load(path: Option<&Path>) -> Result<Env> {
        let real = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Ok(Env { layers: vec![real.collect(), load_dotenv(path)?.into_iter().collect()] })
    }

    /// An environment of these names and values only; for tests.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Env {
        Env { layers: vec![pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect()] }
    }

    /// The value of `name`, or the contents of the file that `name_FILE` names, without the newline at the end.
    ///
    /// An empty value counts as unset. Both set in one place, or a file that cannot be read, is a configuration error.
    pub fn get(&self, name: &str) -> Result<Option<String>> {
        let file_name = format!("{name}_FILE");
        for layer in &self.layers {
            let set = |name: &str| layer.get(name).filter(|value| !value.is_empty());
            match (set(name), set(&file_name)) {
                (Some(_), Some(_)) => {
                    return Err(Fault::config(
                        format!("{name} and {file_name} are both set"),
                        "unset one of them",
                    ));
                }
                (Some(value), None) => return Ok(Some(value.clone())),
                (None, Some(path)) => return read_secret(&file_name, Path::new(path)),
                (None, None) => {}
            }
        }
        Ok(None)
    }
}

impl fmt::Debug for Env {
    /// Says how many names are set, and nothing of their values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_names: Vec<usize> = self.layers.iter().map(HashMap::len).collect();
        f.debug_struct("Env").field("n_names", &n_names).finish()
    }
}

fn read_secret(variable: &str, path: &Path) -> Result<Option<String>> {
    let text = fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot read the file {} named by {variable}: {error}", path.display());
        Fault::config(message, "check that it exists and that this user may read it")
    })?;
    let value = text.trim_end_matches(['\n', '\r']);
    Ok((!value.is_empty()).then(|| value.to_owned()))
}

/// The names and values of the `.env` file at `path`, which must exist, or of `./.env` if that exists.
///
/// A line that cannot be read is a configuration error which names the file and the line, not its contents.
pub fn load_dotenv(path: Option<&Path>) -> Result<Vec<(String, String)>> {
    let file = path.unwrap_or(Path::new(DOTENV));
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if path.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Vec::new());
        }
        Err(error) => {
            let message = format!("cannot read the environment file {}: {error}", file.display());
            return Err(Fault::config(message, "check its path and rights"));
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let pairs: Result<Vec<_>, _> = dotenvy::from_read_iter(text.as_bytes()).collect();
    pairs.map_err(|error| {
        let place = match error {
            dotenvy::Error::LineParse(line, _) => line_number(text, &line).map(|n| format!(" line {n}")),
            _ => None,
        };
        let message = format!("{}{}: not NAME=VALUE", file.display(), place.unwrap_or_default());
        Fault::config(message, "put a value with spaces, # or $ between single quotes")
    })
}

/// The line that the parser stopped at; `rest` is the line, or its value only.
fn line_number(text: &str, rest: &str) -> Option<usize> {
    let first = rest.lines().next()?.trim();
    let found = text.lines().position(|line| line.trim().ends_with(first));
    found.map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::fault;
    use std::io::Write as _;
    use tempfile::NamedTempFile;

    fn file(contents: &str) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(contents.as_bytes()).unwrap();
        file
    }

    fn layers(real: &[(&str, &str)], dotenv: &[(&str, &str)]) -> Env {
        let (mut env, below) =
            (Env::from_pairs(real.iter().copied()), Env::from_pairs(dotenv.iter().copied()));
        env.layers.extend(below.layers);
        env
    }

    #[test]
    fn the_real_environment_wins_and_empty_is_unset() {
        let env = layers(&[("A", "real"), ("B", "")], &[("A", "file"), ("B", "file"), ("C", "file")]);
        assert_eq!(env.get("A").unwrap().as_deref(), Some("real"));
        assert_eq!(env.get("B").unwrap().as_deref(), Some("file"));
        assert_eq!(env.get("C").unwrap().as_deref(), Some("file"));
        assert_eq!(env.get("D").unwrap(), None);
    }

    #[test]
    fn a_secret_comes_from_its_file() {
        let secret = file("hunter2 \r\n\n");
        let path = secret.path().to_str().unwrap();
        let env = layers(&[("PW_FILE", path)], &[("PW", "weaker")]);
        assert_eq!(env.get("PW").unwrap().as_deref(), Some("hunter2 "));
        assert!(!format!("{env:?}").contains("weaker"));
        let both = Env::from_pairs([("PW", "x"), ("PW_FILE", path)]).get("PW").unwrap_err();
        assert_eq!(fault::verdict(&both).exit, Exit::Config);
        let missing = Env::from_pairs([("PW_FILE", "/nonexistent")]).get("PW").unwrap_err();
        assert!(missing.to_string().contains("PW_FILE") && fault::verdict(&missing).exit == Exit::Config);
    }

    #[test]
    fn an_env_file() {
        let dotenv = file("# comment\nA=1\nexport B='x # $y'\n\nC=\"two words\"\n");
        let pairs = load_dotenv(Some(dotenv.path())).unwrap();
        let expected = [("A", "1"), ("B", "x # $y"), ("C", "two words")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_broken_env_file_is_named_without_its_secrets() {
        let dotenv = file("A=1\n\nPASSWORD=hunter2 hunter3\n");
        let error = load_dotenv(Some(dotenv.path())).unwrap_err();
        assert!(error.to_string().ends_with(" line 3: not NAME=VALUE"), "{error}");
        assert!(!fault::describe(&error).contains("hunter"));
        let missing = load_dotenv(Some(Path::new("/nonexistent/.env"))).unwrap_err();
        assert_eq!(fault::verdict(&missing).exit, Exit::Config);
    }
}
