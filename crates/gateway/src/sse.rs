//! Server-sent events, byte by byte: HTML Living Standard, section 9.2.6 "Interpreting an event stream".

/// One dispatched event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Empty when the stream named none.
    pub name: String,
    pub data: String,
}

/// One event is larger than the parser's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one event is longer than {limit} bytes")]
pub struct TooLong {
    pub limit: usize,
}

/// Takes bytes in pieces of any size and gives whole events.
#[derive(Debug)]
pub struct Parser {
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// A CR was just read: an LF right after it belongs to the same line end.
    after_cr: bool,
    at_start: bool,
    limit: usize,
}

impl Default for Parser {
    fn default() -> Self {
        Self::with_limit(4 * 1024 * 1024)
    }
}

impl Parser {
    /// `limit`: the most bytes one event may take.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            name: Vec::new(),
            data: Vec::new(),
            has_data: false,
            after_cr: false,
            at_start: true,
            limit,
        }
    }

    /// Reads `bytes` and returns the events that they complete. What is left open when the stream ends is no event.
    ///
    /// # Errors
    ///
    /// When an event grows beyond the limit; the parser is of no use afterwards.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let text = &rest[..end.unwrap_or(rest.len())];
            if self.line.len() + self.data.len() + text.len() > self.limit {
                return Err(TooLong { limit: self.limit });
            }
            self.line.extend_from_slice(text);
            let Some(end) = end else { break };
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            events.extend(self.end_line());
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.name = value.to_vec(),
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            // Comments have an empty field; ids and reconnection times mean nothing here.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        std::mem::take(&mut self.has_data).then(|| Event {
            name: String::from_utf8_lossy(&name).into_owned(),
            data: String::from_utf8_lossy(&data).into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.into(), data: data.into() }
    }

    fn whole(bytes: &[u8]) -> Vec<Event> {
        Parser::default().push(bytes).unwrap()
    }

    #[test]
    fn every_rule_of_the_standard() {
        let text = "\u{feff}: a comment\ndata: one\n\nevent: x\rdata:two\rdata:  three\r\rdata\r\n\r\nid: 7\nretry: 1\n\nevent: lost\n\ndata: open";
        assert_eq!(whole(text.as_bytes()), [event("", "one"), event("x", "two\n three"), event("", "")]);
    }

    #[test]
    fn all_three_line_ends_mean_the_same() {
        let unix = "event: a\ndata: ü1\ndata: 2\n\n: c\ndata: {}\n\n";
        let expected = whole(unix.as_bytes());
        assert_eq!(expected.len(), 2);
        assert_eq!(whole(unix.replace('\n', "\r\n").as_bytes()), expected);
        assert_eq!(whole(unix.replace('\n', "\r").as_bytes()), expected);
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut parser = Parser::with_limit(100);
        assert_eq!(parser.push(&[b'x'; 101]), Err(TooLong { limit: 100 }));
        let mut parser = Parser::with_limit(100);
        let many = b"data: 0123456789\n".repeat(20);
        assert_eq!(parser.push(&many), Err(TooLong { limit: 100 }));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(lines in proptest::collection::vec("(data|event|id|x)?(: ?)?[a-zü{}\":]{0,8}(\r\n|\r|\n){1,2}", 0..12), cuts in proptest::collection::vec(1_usize..9, 1..40)) {
            let text = lines.concat();
            let mut parser = Parser::default();
            let mut events = Vec::new();
            let mut rest = text.as_bytes();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (head, tail) = rest.split_at((*cut).min(rest.len()));
                events.extend(parser.push(head).unwrap());
                rest = tail;
            }
            prop_assert_eq!(events, whole(text.as_bytes()));
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut parser = Parser::with_limit(200);
            let _ignored = parser.push(&bytes);
        }
    }
}
