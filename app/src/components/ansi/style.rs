const COLOURS: &[&str] = &["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/// What stands after the escape sequences so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    inverse: bool,
    struck: bool,
    front: Option<&'static str>,
    ground: Option<&'static str>,
}

impl Style {
    /// Applies the parameters of one `m` sequence, “1;31”. Unknown ones change nothing.
    pub(super) fn apply(&mut self, parameters: &str) {
        // A colon separates the parts of one colour (ISO 8613-6); they are read alike.
        let mut codes = parameters
            .split([';', ':'])
            .map(|code| code.parse::<u16>().unwrap_or(if code.is_empty() { 0 } else { u16::MAX }));
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                3 => self.italic = true,
                4 => self.underline = true,
                7 => self.inverse = true,
                9 => self.struck = true,
                22 => (self.bold, self.dim) = (false, false),
                23 => self.italic = false,
                24 => self.underline = false,
                27 => self.inverse = false,
                29 => self.struck = false,
                30..=37 => self.front = Some(COLOURS[usize::from(code - 30)]),
                38 => self.front = extended(&mut codes),
                39 => self.front = None,
                40..=47 => self.ground = Some(COLOURS[usize::from(code - 40)]),
                48 => self.ground = extended(&mut codes),
                49 => self.ground = None,
                90 => (self.front, self.dim) = (None, true),
                91..=97 => self.front = Some(COLOURS[usize::from(code - 90)]),
                100..=107 => self.ground = Some(COLOURS[usize::from(code - 100)]),
                _ => {}
            }
        }
    }

    pub(super) fn words(self) -> String {
        let flags = [
            (self.bold, "bold"),
            (self.dim, "dim"),
            (self.italic, "italic"),
            (self.underline, "underline"),
            (self.inverse, "inverse"),
            (self.struck, "struck"),
        ];
        // Black and white are the colours of the page itself, whichever its theme.
        let plain = |name: &&str| *name != "black" && *name != "white";
        let mut words: Vec<String> = flags.into_iter().filter(|(on, _)| *on).map(|(_, word)| word.to_owned()).collect();
        words.extend(self.front.filter(plain).map(str::to_owned));
        words.extend(self.ground.filter(plain).map(|name| format!("on-{name}")));
        words.join(" ")
    }
}

/// The eight colours' nearest to an indexed or a direct one.
fn extended(codes: &mut impl Iterator<Item = u16>) -> Option<&'static str> {
    match codes.next()? {
        5 => match codes.next()? {
            index @ 0..=15 => Some(COLOURS[usize::from(index % 8)]),
            index @ 16..=231 => {
                let cube = index - 16;
                nearest(cube / 36 * 51, cube / 6 % 6 * 51, cube % 6 * 51)
            }
            _ => None,
        },
        2 => nearest(codes.next()?, codes.next()?, codes.next()?),
        _ => None,
    }
}

/// Each channel counts when it is above the middle of the darkest and the brightest; greys have no colour.
fn nearest(red: u16, green: u16, blue: u16) -> Option<&'static str> {
    let (low, high) = (red.min(green).min(blue), red.max(green).max(blue));
    if high.saturating_sub(low) < 48 {
        return None;
    }
    let middle = low.midpoint(high);
    let bit = |channel: u16, bit: usize| if channel > middle { bit } else { 0 };
    Some(COLOURS[bit(red, 1) | bit(green, 2) | bit(blue, 4)])
}
