use agents::sample::RECORDING;
use demo_model::Script;
use gateway::{Client, Kind, Provider, SsrfPolicy, Timeouts};
use tokio::runtime::Runtime;
use types::chat::{Answer, ChatRequest};

/// The demo model with the recording, and a client of it.
pub(crate) struct Demo {
    runtime: Runtime,
    client: Client,
    provider: Provider,
}

impl Demo {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        // The pauses are for people.
        let script = Script::parse(&RECORDING.replace("\"delay_ms\": 6", "\"delay_ms\": 0")).unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, demo_model::router(script)).await.unwrap() });
        let client = Client::new(SsrfPolicy::SelfHosted, Timeouts::default()).unwrap();
        Self { runtime, client, provider: Provider::new(Kind::OpenAiChat, &url, None).unwrap() }
    }

    pub(crate) fn answer(&self, request: &ChatRequest) -> Answer {
        let answer = self.runtime.block_on(self.client.stream(&self.provider, request, |_| {})).unwrap();
        assert!(answer.usage.is_some_and(|usage| usage.output > 0), "tokens are shown for the demo too");
        let unrecorded = ["The recording ends here", "none fits this conversation", "is not offered"];
        let text = answer.message.text();
        assert!(!unrecorded.iter().any(|words| text.contains(words)), "{text}");
        answer
    }
}
