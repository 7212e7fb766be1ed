//! One `git cat-file --batch` for everything that is read: starting git for each file would
//! take longer than all the rest.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use portcullis_model::tree::Bytes;

/// A running `git cat-file`.
#[derive(Debug)]
pub(super) struct Objects {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What git keeps under a name.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) id: String,
    pub(super) bytes: Bytes,
}

impl Objects {
    pub(super) fn start(mut git: Command) -> io::Result<Self> {
        let mut child = git
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(questions), Some(answers)) => {
                Ok(Self { child, questions, answers: BufReader::new(answers) })
            }
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// The object that a name or id stands for, if there is one; its bytes up to `limit`.
    pub(super) fn read(&mut self, name: &str, limit: u64) -> io::Result<Option<Object>> {
        // A question is a line.
        if name.contains('\n') {
            return Ok(None);
        }
        self.questions.write_all(format!("{name}\n").as_bytes())?;
        answer(&mut self.answers, limit)
    }

    /// The same for many ids: all are asked before the first answer is waited for.
    pub(super) fn read_all(
        &mut self,
        ids: &[&str],
        limit: u64,
        mut each: impl FnMut(Object),
    ) -> io::Result<()> {
        let Self { child, questions, answers } = self;
        let text: String = ids.iter().flat_map(|id| [id, "\n"]).collect();
        thread::scope(|scope| {
            let asking = scope.spawn(move || questions.write_all(text.as_bytes()));
            for _ in ids {
                match answer(answers, limit) {
                    Ok(object) => object.into_iter().for_each(&mut each),
                    Err(error) => {
                        // Whoever still asks would wait for ever.
                        let _ = child.kill();
                        return Err(error);
                    }
                }
            }
            asking.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
        })
    }
}

/// One answer: `ID TYPE SIZE` and the object, or the name and why there is none.
fn answer(answers: &mut BufReader<ChildStdout>, limit: u64) -> io::Result<Option<Object>> {
    let mut head = String::new();
    answers.read_line(&mut head)?;
    let head = head.trim_end_matches('\n');
    if head.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended early"));
    }
    let words: Vec<&str> = head.rsplitn(3, ' ').collect();
    let [size, _, id] = words.as_slice() else { return Ok(None) };
    let Ok(size) = size.parse::<u64>() else { return Ok(None) };
    let bytes = if size > limit {
        io::copy(&mut answers.by_ref().take(size), &mut io::sink())?;
        Bytes::TooLarge(size)
    } else {
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        answers.by_ref().take(size).read_to_end(&mut bytes)?;
        Bytes::Whole(bytes)
    };
    // The line break after the object.
    answers.read_exact(&mut [0])?;
    Ok(Some(Object { id: (*id).to_owned(), bytes }))
}

impl Drop for Objects {
    fn drop(&mut self) {
        // It only reads: nothing is lost by ending it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
