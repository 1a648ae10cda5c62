//! Slow work beside the tasks that answer: so much of it at once, also when those who asked have gone meanwhile.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Does it once there is a place, which is free again when it is done, not when nobody waits for it any more.
///
/// # Errors
/// It met a defect, or the daemon ends.
pub(super) async fn beside<T: Send + 'static>(
    places: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let place = places.clone().acquire_owned().await;
    let place = place.map_err(|error| error.to_string())?;
    let working = spawn_blocking(move || {
        let done = work();
        drop(place);
        done
    });
    working.await.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_place_is_taken_until_the_work_is_done_whoever_waits() {
        let places = Arc::new(Semaphore::new(1));
        let (end, ended) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let working = {
            let places = places.clone();
            tokio::spawn(async move {
                beside(&places, move || {
                    begin.send(()).unwrap();
                    let _ = ended.recv();
                })
                .await
            })
        };
        spawn_blocking(move || begun.recv().unwrap()).await.unwrap();
        // Who asked hangs up.
        working.abort();
        assert!(working.await.unwrap_err().is_cancelled());
        assert_eq!(places.available_permits(), 0);
        drop(end);
        assert_eq!(beside(&places, || 7).await, Ok(7));
        assert!(
            beside(&places, || -> () { panic!("a defect, for this test") })
                .await
                .is_err()
        );
        assert_eq!(beside(&places, || 8).await, Ok(8));
    }
}
