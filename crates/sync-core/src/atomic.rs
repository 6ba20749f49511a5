//! Writing a small file so that a reader sees the old contents or the new ones, never half.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Replaces `path` by `contents` in one step, with mode 0644; the folder must exist.
///
/// The data is on disk before the name points to it, so that a power cut leaves one of the two versions.
pub fn write_atomically(path: &Path, contents: &str) -> Result<()> {
    write(path, contents, 0o644)
}

/// The same with mode 0600: nobody but the owner may read it.
pub fn write_privately(path: &Path, contents: &str) -> Result<()> {
    write(path, contents, 0o600)
}

fn write(path: &Path, contents: &str, mode: u32) -> Result<()> {
    let written = match fs::canonicalize(path) {
        // A device or a pipe is written to, and what a link points to is replaced.
        Ok(real) if !real.is_file() => fs::write(&real, contents).map_err(Into::into),
        Ok(real) => replace(&real, contents, mode),
        Err(_) => replace(path, contents, mode),
    };
    written.with_context(|| format!("writing {}", path.display()))
}

fn replace(path: &Path, contents: &str, mode: u32) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".tmp-").tempfile_in(folder)?;
    file.write_all(contents.as_bytes())?;
    fs::set_permissions(file.path(), Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_the_file_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.prom");
        write_atomically(&path, "one\n").unwrap();
        write_atomically(&path, "two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        write_privately(&path, "three\n").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_file_stays_what_it_is() {
        write_atomically(Path::new("/dev/null"), "x").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_atomically(&link, "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(link.is_symlink());
    }

    #[test]
    fn names_the_file_when_the_folder_is_missing() {
        let path = tempfile::tempdir().unwrap().path().join("x.prom");
        let error = write_atomically(&path, "").unwrap_err();
        assert_eq!(error.to_string(), format!("writing {}", path.display()));
    }
}
