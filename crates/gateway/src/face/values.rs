/// Cuts a JSON document into its values, piece by piece: the elements of a list, or the one object that it is.
///
/// It only counts brackets outside of strings; whether a value is JSON is found when it is read.
#[derive(Debug, Default)]
pub(super) struct Values {
    value: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

/// The most bytes of one value.
const LONGEST: usize = 32 * 1024 * 1024;

/// One value is longer than can be kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Values {
    /// Reads the next bytes and returns the values that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, TooLong> {
        let mut whole = Vec::new();
        for &byte in bytes {
            if self.depth == 0 {
                // The list's own brackets, commas and white space.
                if byte == b'{' {
                    self.depth = 1;
                    self.value.push(byte);
                }
                continue;
            }
            if self.value.len() >= LONGEST {
                return Err(TooLong);
            }
            self.value.push(byte);
            if self.in_string {
                match byte {
                    _ if std::mem::take(&mut self.escaped) => {}
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        whole.push(std::mem::take(&mut self.value));
                    }
                }
                _ => {}
            }
        }
        Ok(whole)
    }

    /// Whether a value has begun that has not ended.
    pub(super) const fn is_open(&self) -> bool {
        self.depth > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_and_single_objects_are_found_wherever_they_are_cut() {
        let text = br#"[{"a":"}]\"{"},
 {"b":[{"c":1}]}]"#;
        let expected: Vec<Vec<u8>> = vec![br#"{"a":"}]\"{"}"#.to_vec(), br#"{"b":[{"c":1}]}"#.to_vec()];
        for cut in 0..text.len() {
            let mut values = Values::default();
            let mut found = values.push(&text[..cut]).unwrap();
            found.extend(values.push(&text[cut..]).unwrap());
            assert_eq!(found, expected, "cut at {cut}");
        }
        let mut values = Values::default();
        assert_eq!(values.push(b"{\"a\":{}}\n").unwrap(), [b"{\"a\":{}}".to_vec()]);
        assert!(values.push(b"{\"a\":").unwrap().is_empty() && values.is_open());
    }
}
