/**
 * All that passes between the panels of the page, and from them to Python: the names, and what goes along.
 *
 * Panels are mounted when their modules have arrived, in any order; an event of `KEPT` that was told before is
 * heard by those who come later.
 */

/** @typedef {import('./views.js').Film} Film */

/**
 * One candidate in the filmstrip.
 * @typedef {object} Frame
 * @property {number} id  the bank's entry.
 * @property {number} similarity  cosine of the photo's embedding and the entry's.
 * @property {number} weight  barycentric weight; may be negative.
 * @property {number} iou  of the silhouette and the fused mask at one half.
 * @property {number} size  side of the silhouette, pixels.
 * @property {string} outline  path data in pixels.
 * @property {string | undefined} draft  data URL of the garment laid into it.
 * @property {boolean} consensus
 * @property {boolean} chosen
 */

/**
 * The drafted shape in the filmstrip.
 * @typedef {object} DraftedFrame
 * @property {string} kind  of garment.
 * @property {number | null} fit  IoU with the silhouette that is expected; null where measures were moved.
 * @property {number} iou  with the fused mask at one half.
 * @property {number} moves  how many measures are not as predicted.
 * @property {number} size
 * @property {string} outline  path data in pixels.
 * @property {string | undefined} draft  data URL of the garment laid into it.
 * @property {boolean} chosen
 */

/**
 * A landmark that is drawn from measures, and what was predicted.
 * @typedef {object} Measured
 * @property {import('./views.js').Pattern} pattern
 * @property {import('./views.js').Drafted | null} drafted  null where nothing was.
 */

/**
 * What panels tell each other.
 * @typedef {object} Payloads
 * @property {Film} guide  the neighbours of a photo, or more of their drafts.
 * @property {Frame[]} frames  the candidates in use.
 * @property {DraftedFrame | null} drafted  the shape beside them; null where there is none.
 * @property {Measured | null} measured  the landmark's measures; null where it has none.
 * @property {{ pattern: import('./views.js').Pattern, mask: string }} drawing  measures that move, and run lengths of
 *   what they draw.
 * @property {{ label: string }} drawn  they were let go.
 * @property {{ likeness: number, all: number } | null} mix  cosine of e and ê at the present α, and at α = 1; null
 *   where there is no guide.
 * @property {number | 'drafted'} pick  a candidate's index, or the drafted shape; -1 is the consensus.
 * @property {null} flip  show the photo in place of the result, or the result again.
 * @property {{ undo: number, redo: number }} steps  how many the canvas can undo and redo.
 * @property {null} refused  Python could not do what it was asked.
 * @property {null} runs  runs began or ended.
 * @property {{ action: string, value: string | number, runs: number[] }} change  what is done to runs.
 * @property {null} succeeded  a run has ended with a picture.
 */

/**
 * What panels ask of Python; each is an event of the panel's component.
 * @typedef {object} Requests
 * @property {EditorState} settle  canvas: the guide is to agree with this.
 * @property {undefined} draft  canvas: lay the photo into the drawn landmark.
 * @property {undefined} drafts  canvas: lay it into the candidates.
 * @property {undefined} photo_outline  canvas: the garment's own outline as the landmark.
 * @property {{ author: string, run?: number }} to_bank  canvas, result: its outline as an entry of the bank.
 * @property {undefined} ghost  canvas: the photo in the landmark's frame.
 * @property {{ message: string }} say  canvas, photo: what the status line is to say.
 * @property {{ name: string }} example  photo
 * @property {{ photo: string, garment: number }} choose  photo: its SHA-256, and the index of the garment meant.
 * @property {{ photo: string } & Reframing} frame  photo: look at it in another way.
 * @property {{ photo: string }} turned  photo: whether it looks turned.
 * @property {{ photo: string, box: number[] }} mark  photo: the garment is in this box, in shares of what is looked at.
 * @property {{ photo: string, mask: string | null }} mend  photo: run lengths of the garment's mask; null is the one
 *   that was found.
 * @property {{ invert: boolean }} doubted  canvas: what to do with a mask that looks inverted.
 * @property {{ category: string, count: number }} browse  film: the bank beyond the candidates; "" is every kind.
 * @property {undefined} leave  film: no more of it.
 * @property {{ id: number }} take  film: an entry of the bank as the landmark.
 * @property {undefined} keep  seed: it was set.
 * @property {undefined} follow  result: the next state of the run that is shown.
 * @property {{ run: number, scope: string }} restore  result, history_detail
 * @property {{ run: number, check: boolean }} repeat  result, history_detail
 * @property {Export} export  result, history_detail
 * @property {{ action: string, run?: number, runs?: number[] }} arrange  result, queue
 * @property {{ run: number }} look  history; insight asks with `{ id }`.
 * @property {undefined} refresh  history
 * @property {Record<string, unknown>} search  history_page: the filter, with `serial` and perhaps `before`.
 * @property {{ run: number, looked: number }} inspect  history_page
 * @property {Record<string, unknown>} change_runs  history_page: the filter, and what is done to which runs.
 * @property {{ runs: number[], metadata: boolean }} bundle  history_page
 * @property {{ ids: number[] }} bank_export  bank
 * @property {undefined} bank_changed  bank: the status line is to say which version there is.
 */

/**
 * How a photo is to be looked at: turned by quarters clockwise, cut to a box in shares of the turned photo's sides, or
 * mirrored.
 * @typedef {{ quarters: number } | { box: number[] | null } | { mirror: true }} Reframing
 */

/**
 * All that can be set on the canvas, as Python reads it.
 * @typedef {object} EditorState
 * @property {number} token  of the retrieval.
 * @property {number} serial  grows with every change.
 * @property {number} k  candidates in use.
 * @property {number} alpha  share of the reconstruction (Eq. 3).
 * @property {import('./views.js').Source} source
 * @property {number | null} choice  index of the picked candidate.
 * @property {string | null} mask  run lengths of a landmark drawn by hand.
 * @property {import('./views.js').Pattern | null} pattern  of a drafted one.
 */

/**
 * @typedef {object} Export
 * @property {number} run
 * @property {string} [what]  "silhouette", or else the picture.
 * @property {number | null} [size]  side in pixels; null is the picture's own.
 * @property {string} [background]  a colour's name or "#rrggbb".
 * @property {boolean} [with_settings]
 */

/** Events whose newest payload waits for panels that are mounted later. */
const KEPT = new Set(['guide', 'frames', 'drafted', 'measured', 'mix', 'steps']);

/** @type {Map<string, Set<(payload: any) => void>>} */
const listeners = new Map();
/** @type {Map<string, any>} */
const newest = new Map();

/**
 * Tell all panels that listen.
 * @template {keyof Payloads} Name
 * @param {Name} name
 * @param {Payloads[Name]} payload
 */
export function tell(name, payload) {
  if (KEPT.has(name)) newest.set(name, payload);
  for (const listener of listeners.get(name) ?? []) listener(payload);
}

/**
 * Listen, and hear at once what is kept.
 * @template {keyof Payloads} Name
 * @param {Name} name
 * @param {(payload: Payloads[Name]) => void} listener
 */
export function hear(name, listener) {
  const all = listeners.get(name) ?? new Set();
  listeners.set(name, all.add(listener));
  if (newest.has(name)) listener(newest.get(name));
}

/**
 * What a panel is mounted with, by the web library's contract; before the first value it holds nothing (null or "").
 * @template Value
 * @typedef {{ value: Value | null }} Props
 */
/**
 * Asks Python.
 * @template {keyof Requests} Name
 * @typedef {<N extends Name>(name: N, data?: Requests[N]) => void} Trigger
 */
/** @typedef {Record<string, (...values: unknown[]) => Promise<unknown>>} Server */
/** @typedef {(file: File) => Promise<unknown>} Upload */
/**
 * @typedef {(names: string | string[], listener: () => void) => void} Watch  is called for Python's values only.
 */
