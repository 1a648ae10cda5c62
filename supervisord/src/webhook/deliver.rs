//! One webhook's deliveries: signed, tried again with growing pauses, and given up when it is too late.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, Response, StatusCode, Url, header, redirect};
use sha2::Sha256;

use super::Notice;
use crate::accounts::hex;
use crate::settings::{Numbers, WebhookSettings};

/// A server may take so long to answer.
const ANSWER: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LAST: Duration = Duration::from_secs(60);
/// An offer is of use while the phone rings.
const OFFER_COUNTS: Duration = Duration::from_secs(60);
/// An alarm is of use for longer.
const ALARM_COUNTS: Duration = Duration::from_secs(3_600);
/// Places on the same server that it may be sent on to.
const MAX_REDIRECTS: usize = 3;
/// Shortest secret, in bytes.
const MIN_SECRET: usize = 16;

/// What became of a notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Delivered,
    /// The server will not have it, now or later.
    Refused,
    /// It was not delivered in time.
    Late,
    /// There was no room for it.
    Lost,
}

impl Fate {
    pub(super) const ALL: [Fate; 4] = [Fate::Delivered, Fate::Refused, Fate::Late, Fate::Lost];

    pub(super) fn label(self) -> &'static str {
        match self {
            Fate::Delivered => "delivered",
            Fate::Refused => "refused",
            Fate::Late => "late",
            Fate::Lost => "lost",
        }
    }
}

/// How a try went.
enum Tried {
    Done,
    /// Never, and why.
    Never(String),
    /// Perhaps later, and why not now; not before a time that the server named.
    Later(String, Option<Duration>),
}

pub(super) struct Deliverer {
    name: String,
    url: Url,
    secret: Vec<u8>,
    whole_numbers: bool,
    client: Client,
    retry_first: Duration,
}

/// `v1` of the header `Hotline-Signature`: HMAC-SHA256 of the seconds since the Unix epoch, a dot and the body, in hexadecimal.
pub fn signature(secret: &[u8], seconds: u64, body: &str) -> String {
    // Keys of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body.as_bytes());
    hex(&mac.finalize().into_bytes())
}

impl Deliverer {
    pub(super) fn new(settings: &WebhookSettings) -> anyhow::Result<Deliverer> {
        let file = &settings.secret_file;
        let secret = std::fs::read(file).with_context(|| {
            let (name, file) = (&settings.name, file.display());
            format!("webhook {name}: cannot read {file}; `openssl rand -hex 32 > {file}` makes a secret")
        })?;
        let secret = secret.trim_ascii().to_vec();
        if secret.len() < MIN_SECRET {
            bail!(
                "webhook {}: the secret in {} has less than {MIN_SECRET} bytes",
                settings.name,
                file.display()
            );
        }
        // The same server, the same way, and the body goes along.
        let same = redirect::Policy::custom(|attempt| {
            let kept = matches!(
                attempt.status(),
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
            );
            let first = attempt.previous().first().map(Url::origin);
            if kept && first == Some(attempt.url().origin()) && attempt.previous().len() <= MAX_REDIRECTS {
                attempt.follow()
            } else {
                attempt.stop()
            }
        });
        let client = Client::builder()
            .user_agent(concat!("hotline-supervisord/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(Duration::from_millis(settings.answer_ms).min(ANSWER))
            .redirect(same)
            .no_proxy()
            .build()
            .with_context(|| format!("webhook {}", settings.name))?;
        Ok(Deliverer {
            name: settings.name.clone(),
            url: settings.url.clone(),
            secret,
            whole_numbers: settings.numbers == Numbers::Whole,
            client,
            retry_first: RETRY_FIRST,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn deliver(&self, notice: &Notice) -> Fate {
        let (id, body) = (notice.id(), notice.body(self.whole_numbers));
        let counts = match notice {
            Notice::Offer(_) => OFFER_COUNTS,
            Notice::Alarm(_) => ALARM_COUNTS,
        };
        // Whatever the clock does meanwhile.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let age = now.saturating_sub(Duration::from_micros(notice.at()));
        let end = Instant::now() + counts.saturating_sub(age);
        let (mut pause, mut tries, mut why) = (self.retry_first, 0_u32, String::from("it is too old"));
        loop {
            if Instant::now() >= end {
                tracing::error!(
                    webhook = self.name,
                    id,
                    tries,
                    why,
                    "dead letter: not delivered in time"
                );
                return Fate::Late;
            }
            tries += 1;
            let wait = match self.attempt(&id, notice.kind(), &body).await {
                Tried::Done => return Fate::Delivered,
                Tried::Never(why) => {
                    tracing::error!(webhook = self.name, id, tries, why, "dead letter: refused");
                    return Fate::Refused;
                }
                Tried::Later(reason, after) => {
                    why = reason;
                    // Half to one and a half times: many deliveries do not come back in step.
                    after
                        .unwrap_or_default()
                        .max(pause.mul_f64(0.5 + fastrand::f64()))
                }
            };
            tracing::debug!(webhook = self.name, id, tries, why, "not delivered yet");
            let left = end.saturating_duration_since(Instant::now());
            tokio::time::sleep(wait.min(left)).await;
            pause = (pause * 2).min(RETRY_LAST);
        }
    }

    async fn attempt(&self, id: &str, kind: &str, body: &str) -> Tried {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let signature = signature(&self.secret, now, body);
        let request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("Hotline-Event", kind)
            .header("Hotline-Delivery", id)
            .header("Hotline-Signature", format!("t={now},v1={signature}"))
            .body(body.to_owned());
        match request.send().await {
            Ok(response) => judge(&response),
            Err(error) => {
                // Without the URL, which may have a secret in it.
                let error = anyhow::Error::from(error.without_url());
                Tried::Later(format!("{error:#}"), None)
            }
        }
    }
}

fn judge(response: &Response) -> Tried {
    let status = response.status();
    if status.is_success() {
        return Tried::Done;
    }
    let why = format!("the server answered {status}");
    if status.is_redirection() {
        return Tried::Never(format!(
            "{why}: it is not sent on to another server, nor with another method; set [[webhook]] url"
        ));
    }
    let again = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY
        );
    if !again {
        return Tried::Never(why);
    }
    let after = response.headers().get(header::RETRY_AFTER);
    let after = after.and_then(|after| after.to_str().ok()?.parse().ok());
    Tried::Later(why, after.map(Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_as_documented() {
        // printf '1767600000.{"id":"x"}' | openssl dgst -sha256 -hmac 0123456789abcdef
        assert_eq!(
            signature(b"0123456789abcdef", 1_767_600_000, "{\"id\":\"x\"}"),
            "412e2c297ddd5f651f1a47f19647f16e7f6c7ce7613980459efaf433d65e692a"
        );
    }
}
