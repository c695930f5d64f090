// Cross-origin isolation for pages whose server does not send its headers: see isolate.js.

const TRIED = "tsm-isolation"; // in this tab, so that a page that cannot be isolated is not loaded again and again

/** Load the page once more with the headers, where that can bring threads. Resolves to whether it is being loaded. */
export async function isolate() {
  try {
    if (globalThis.crossOriginIsolated) {
      sessionStorage.removeItem(TRIED);
      return false;
    }
    const pointless = !isSecureContext || !navigator.serviceWorker || navigator.hardwareConcurrency < 2;
    if (pointless || sessionStorage.getItem(TRIED)) return false;
    sessionStorage.setItem(TRIED, "yes");
    await navigator.serviceWorker.register("isolate.js");
    await navigator.serviceWorker.ready;
    location.reload();
    return true;
  } catch {
    return false; // storage or service workers are switched off: one thread does it, too
  }
}
