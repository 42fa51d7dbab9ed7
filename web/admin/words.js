/** The words of the administration. */

import { phrasebook } from "../demo/language.js";
import { chinese } from "./words/chinese.js";
import { english } from "./words/english.js";

/** @typedef {keyof typeof english} Word */

export const { say, has, sayAll } = phrasebook({ en: english, zh: chinese });
