//! A log file that several processes append to, and that makes room for a new one when it is full.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The largest size of a file, in bytes.
const LIMIT: u64 = 10_000_000;
/// Old files that are kept: `name.1`, the newest of them, to `name.5`.
const N_KEPT: u32 = 5;

/// A file that is renamed to `name.1` when it is full.
#[derive(Debug)]
pub(crate) struct Rotating {
    path: PathBuf,
    file: File,
    limit: u64,
}

impl Rotating {
    pub(crate) fn open(path: &Path) -> io::Result<Rotating> {
        Ok(Rotating { path: path.to_owned(), file: open(path)?, limit: LIMIT })
    }

    /// Appends whole lines, in a single write so that lines of other processes do not come between.
    pub(crate) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let n_bytes = self.follow()?.len();
        if n_bytes > 0 && n_bytes + lines.len() as u64 > self.limit {
            // Where files cannot be renamed this one grows: better than a line that is lost.
            let _ = self.rotate();
            self.follow()?;
        }
        self.file.write_all(lines)
    }

    /// Makes sure that our file is the one at the path: another process, or logrotate, may have renamed it.
    fn follow(&mut self) -> io::Result<Metadata> {
        let ours = self.file.metadata()?;
        if fs::metadata(&self.path).is_ok_and(|there| is_same(&there, &ours)) {
            return Ok(ours);
        }
        self.file = open(&self.path)?;
        self.file.metadata()
    }

    /// Renames the files by one number, unless another process is doing it: then ours grows past the limit for a
    /// moment, since waiting for a process that may have been stopped would hang this one.
    fn rotate(&mut self) -> io::Result<()> {
        if self.file.try_lock().is_err() {
            return Ok(());
        }
        // Between our look and our lock another process may have done it all. While the file at the path is the one
        // that we have locked, nobody else does.
        let is_ours = fs::metadata(&self.path)
            .and_then(|there| Ok(is_same(&there, &self.file.metadata()?)))
            .unwrap_or(false);
        let renamed = if is_ours { rename_all(&self.path) } else { Ok(()) };
        self.file.unlock().and(renamed)
    }
}

fn rename_all(path: &Path) -> io::Result<()> {
    for n in (1..N_KEPT).rev() {
        rename(&numbered(path, n), &numbered(path, n + 1))?;
    }
    rename(path, &numbered(path, 1))
}

/// Opens a file to append to, and makes it when it is missing.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn is_same(a: &Metadata, b: &Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

fn numbered(path: &Path, n: u32) -> PathBuf {
    path.with_added_extension(n.to_string())
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::thread;
    use tempfile::TempDir;

    fn rotating(folder: &TempDir, limit: u64) -> Rotating {
        Rotating { limit, ..Rotating::open(&folder.path().join("sync.log")).unwrap() }
    }

    fn text(folder: &TempDir, name: &str) -> String {
        fs::read_to_string(folder.path().join(name)).unwrap()
    }

    #[test]
    fn five_old_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = rotating(&folder, 10);
        for n in 0..9 {
            log.append(format!("line {n}\n").as_bytes()).unwrap();
        }
        let found: BTreeSet<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let names = ["sync.log", "sync.log.1", "sync.log.2", "sync.log.3", "sync.log.4", "sync.log.5"];
        assert_eq!(found, names.map(str::to_owned).into());
        assert_eq!(
            (text(&folder, "sync.log"), text(&folder, "sync.log.5")),
            ("line 8\n".into(), "line 3\n".into())
        );
    }

    #[test]
    fn an_existing_file_goes_on_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        rotating(&folder, 14).append(b"line 0\n").unwrap();
        let mut log = rotating(&folder, 14);
        log.append(b"line 1\n").unwrap();
        assert_eq!(text(&folder, "sync.log"), "line 0\nline 1\n");
        log.append(b"a line that is longer than the limit\n").unwrap();
        log.append(b"line 3\n").unwrap();
        assert_eq!(text(&folder, "sync.log.2"), "line 0\nline 1\n");
        assert_eq!(text(&folder, "sync.log"), "line 3\n");
    }

    #[test]
    fn a_file_that_was_renamed_or_removed_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = rotating(&folder, LIMIT);
        fs::rename(folder.path().join("sync.log"), folder.path().join("elsewhere")).unwrap();
        log.append(b"1\n").unwrap();
        assert_eq!((text(&folder, "sync.log"), text(&folder, "elsewhere")), ("1\n".into(), String::new()));
        fs::remove_file(folder.path().join("sync.log")).unwrap();
        log.append(b"2\n").unwrap();
        assert_eq!(text(&folder, "sync.log"), "2\n");
    }

    #[test]
    fn several_writers_neither_tear_lines_nor_rotate_twice() {
        let folder = tempfile::tempdir().unwrap();
        // Each has a file description of its own, as each process has. The limit is rarely reached: nothing falls out.
        thread::scope(|scope| {
            for writer in 0..4 {
                let mut log = rotating(&folder, 8_000);
                scope.spawn(move || {
                    for n in 0..500 {
                        log.append(format!("writer {writer} line {n:03}\n").as_bytes()).unwrap();
                    }
                });
            }
        });
        let mut seen = BTreeSet::new();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            assert!(text.ends_with('\n'));
            seen.extend(text.lines().map(str::to_owned));
        }
        let all = (0..4).flat_map(|w| (0..500).map(move |n| format!("writer {w} line {n:03}")));
        assert_eq!(seen, all.collect());
    }
}
