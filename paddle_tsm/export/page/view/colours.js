// The colour of a class, the same in the bars and in the timeline.

const COLOURS = 8; // --class-0 to --class-7 in style.css

export const colourName = (number) => `--class-${number % COLOURS}`;

/** The present value of a colour of style.css, which depends on the light or dark scheme. */
export const colourValue = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
