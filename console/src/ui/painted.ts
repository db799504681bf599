// Work that may wait until what was changed is seen.

/** A page that is not seen paints nothing: then it goes on after this, in milliseconds. */
const UNSEEN_MS = 100;

/** Waits until what was drawn so far has been painted. */
export async function painted(): Promise<void> {
  await new Promise<void>((done) => {
    const unseen = setTimeout(done, UNSEEN_MS);
    requestAnimationFrame(() => {
      clearTimeout(unseen);
      setTimeout(done);
    });
  });
}
