/** One closing line that a person, or a script, can read without the rest. */
export default class Summary {
  #tests = new Map();
  #start = Date.now();
  #broken = 0;

  onTestEnd(test, result) {
    this.#tests.set(test.id, { test, status: result.status });
  }

  onError() {
    this.#broken += 1;
  }

  onEnd(result) {
    const all = [...this.#tests.values()];
    const of = (status) => all.filter((one) => one.status === status).length;
    const passed = of("passed");
    const skipped = of("skipped");
    const failed = all.length - passed - skipped;
    const seconds = Math.round((Date.now() - this.#start) / 1000);
    const broken = this.#broken ? `, ${this.#broken} errors outside tests` : "";
    console.log(`\nBrowser tests: ${passed} passed, ${failed} failed, ${skipped} skipped${broken} (${seconds} s), ${result.status}`);
  }
}
