use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};

#[derive(Clone, Copy)]
pub(crate) enum Behaviour {
    Accept,
    /// Answers RCPT with this line.
    Refuse(&'static str),
    /// Takes connections and never says a word.
    Silent,
}

pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Header and body, with the dots of the transfer undone.
    pub(crate) data: String,
}

/// Enough of an SMTP server (RFC 5321) to receive a mail.
pub(crate) struct Sink {
    port: u16,
    received: mpsc::UnboundedReceiver<Received>,
    task: JoinHandle<()>,
}

impl Sink {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, received) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            // Kept, so that a silent server's connections stay open.
            let mut silent = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                match behaviour {
                    Behaviour::Silent => silent.push(stream),
                    Behaviour::Accept => serve(stream, None, &sender).await,
                    Behaviour::Refuse(line) => serve(stream, Some(line), &sender).await,
                }
            }
        });
        Self { port, received, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn next(&mut self) -> Received {
        self.received.recv().await.expect("the sink runs")
    }

    pub(crate) fn is_empty(&mut self) -> bool {
        self.received.try_recv().is_err()
    }

    pub(crate) async fn stop(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

async fn serve(mut stream: TcpStream, refusal: Option<&str>, received: &mpsc::UnboundedSender<Received>) {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader);
    let mut mail = Received { from: String::new(), to: Vec::new(), data: String::new() };
    let mut answer = "220 sink".to_owned();
    loop {
        // A client that went away ends the conversation: nothing is left to answer.
        if writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        if answer.starts_with("354") {
            mail.data = data(&mut lines).await;
            received
                .send(std::mem::replace(
                    &mut mail,
                    Received { from: String::new(), to: Vec::new(), data: String::new() },
                ))
                .ok();
            answer = "250 kept".to_owned();
            continue;
        }
        let mut line = String::new();
        if !matches!(lines.read_line(&mut line).await, Ok(1..)) {
            return;
        }
        let address = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        answer = match line.trim_end() {
            text if text.starts_with("EHLO") => "250-sink\r\n250 8BITMIME".to_owned(),
            text if text.starts_with("MAIL") => {
                mail.from = address();
                "250 ok".to_owned()
            }
            text if text.starts_with("RCPT") => {
                mail.to.push(address());
                refusal.unwrap_or("250 ok").to_owned()
            }
            "DATA" => "354 go on".to_owned(),
            "QUIT" => "221 bye".to_owned(),
            _ => "250 ok".to_owned(),
        };
    }
}

async fn data(lines: &mut (impl AsyncBufReadExt + Unpin)) -> String {
    let mut data = String::new();
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).await.unwrap();
        if line == ".\r\n" || line.is_empty() {
            return data;
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
