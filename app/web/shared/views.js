/** The values that Python gives the panels to show, as types; there is no code here. */

/** @typedef {'consensus' | 'candidate' | 'drafted' | 'edited'} Source  of a landmark. */
/** @typedef {'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted'} RunState */

/** @typedef {{ kind: string, measures: Record<string, number> }} Pattern  what a garment is drawn from. */

/**
 * A slider.
 * @typedef {object} MeasureField
 * @property {string} key
 * @property {string} group
 * @property {'cm' | 'degrees' | 'ratio'} unit
 * @property {number} low
 * @property {number} high
 * @property {number} step
 * @property {number} value
 * @property {string} sentence  what it is.
 */

/**
 * The shape that was drafted for a photo, as it is predicted.
 * @typedef {object} Drafted
 * @property {string} kind
 * @property {Record<string, number>} measures
 * @property {Record<string, number>} deviations  how far each may be off, in its unit; of those that an outline shows.
 * @property {number} overlap  IoU with the silhouette that is expected of the photo's garment.
 * @property {string} mask  run lengths.
 */

/**
 * The neighbours of a photo, with what it takes to weigh and fuse them for every K and α.
 * @typedef {object} Film
 * @property {number} token  of the retrieval.
 * @property {number} size  side of the silhouettes, pixels.
 * @property {string} photo  SHA-256 of the photo.
 * @property {{ id: number, similarity: number, mask: string }[]} neighbours  nearest first; masks as run lengths.
 * @property {(string | null)[]} drafts  data URLs, as far as they are laid; the drafted shape's comes last.
 * @property {Drafted | null} drafted
 * @property {number[][]} gram  inner products of the neighbours' embeddings less e.
 * @property {number[]} along  inner products of those and e.
 * @property {number} length  inner product of e with itself.
 * @property {number[] | null} support  how well each neighbour fits what the photo shows of the shape, from 0 to 1.
 */

/**
 * The bank beyond the candidates.
 * @typedef {object} More
 * @property {number} token  of the retrieval.
 * @property {number} size  side of the silhouettes, pixels.
 * @property {string} category  "" is every kind.
 * @property {[string, number][]} categories  with the number of their entries.
 * @property {number} total
 * @property {{ id: number, similarity: number, mask: string }[]} entries  best first.
 * @property {string[]} drafts  data URLs of the first of them.
 */

/**
 * What the canvas is to agree with.
 * @typedef {object} Canvas
 * @property {number} token
 * @property {number} revision
 * @property {number} settled  serial of the newest state that Python has taken.
 * @property {number} pushed  grows with every landmark that Python brought in by itself.
 * @property {number} k
 * @property {number} alpha
 * @property {Source} source
 * @property {number | null} choice
 * @property {string | null} mask  run lengths of a landmark that the person made: drawn, or of measures.
 * @property {Pattern | null} pattern  what a drafted one is drawn from.
 * @property {string | null} draft  data URL of the garment laid into it.
 * @property {{ name: string, asked: number }} [inverted]  an imported mask that looks inverted.
 * @property {string} [ghost]  data URL of the photo in the landmark's frame.
 * @property {number} [received]  when Python had the state, milliseconds since 1970.
 */

/**
 * The garments of a photo.
 * @typedef {object} Garments
 * @property {number} width  of the map, pixels.
 * @property {number} height
 * @property {string} map  run lengths: 0 is no garment, i + 1 the garment i of `found`.
 * @property {{ title: string, x: number, y: number }[]} found  x and y, shares of the photo, are where its name stands.
 */

/** @typedef {{ width: number, height: number, mask: string }} MaskView  run lengths over what is looked at. */
/**
 * @typedef {object} Photo
 * @property {string} [image]  data URL.
 * @property {string} [name]
 * @property {string} [size]  in words.
 * @property {string} [sha256]
 * @property {Garments | null} [garments]  null where there is nobody to tell them apart.
 * @property {number | null} [chosen]  index of the garment that the guide is for.
 * @property {number} [ratio]  width over height of the turned photo, whatever is cut off.
 * @property {number} [turns]  quarters clockwise.
 * @property {boolean} [mirrored]  left and right are exchanged.
 * @property {[number, number, number, number] | null} [box]  what is looked at, in shares of its sides; null is all.
 * @property {MaskView | null} [mask]  of the garment; null where there is nobody to find one.
 * @property {string | null} [own]  whose mask that is, where it is none of the garments found.
 * @property {string | null} [unmarked]  what to say of a photo in which no garment was found.
 * @property {boolean} [fresh]  whether it was just brought, by a person.
 * @property {{ photo: string, quarters: number }} [looks_turned]  how it looks as if it should be turned, clockwise.
 * @property {string[]} [endings]  of files that can be read.
 * @property {{ name: string, image: string }[]} [examples]
 * @property {unknown} [refused]  there if the last request was.
 */

/**
 * @typedef {object} Status
 * @property {string} state  loading, ready or failed.
 * @property {string | null} message  null leaves what was said last.
 * @property {boolean} warning
 * @property {[string, string][]} facts
 * @property {string} timings
 */

/** @typedef {{ token: number, name: string, url: string }} Download  made for the person who asked. */

/**
 * A finished run, or the progress of one under way.
 * @typedef {object} Result
 * @property {number} run
 * @property {RunState} state
 * @property {boolean} [paused]
 * @property {number} [ahead]  runs before it in the queue.
 * @property {number} [step]
 * @property {number} [steps]
 * @property {number | null} [seconds]  that are left.
 * @property {string} [image]  data URL.
 * @property {string} [photo]  data URL.
 * @property {string} [note]
 * @property {string} [error]
 * @property {string} [saved]  address of the picture's file.
 * @property {string} [file]  its name.
 * @property {string | null} [sheet]  address of the contact sheet.
 * @property {[string, string][]} [facts]
 * @property {number[]} [sizes]  sides to export at, the picture's own first.
 * @property {string} [background]
 * @property {Download} [download]
 * @property {boolean} [follow]  whether to ask for the next state.
 */

/**
 * @typedef {object} Card
 * @property {number} run
 * @property {RunState} status
 * @property {'starred' | 'rejected' | null} mark
 * @property {string | null} image  data URL.
 * @property {string} title
 * @property {string} name  of the photo.
 * @property {string} when
 * @property {boolean} noted
 */

/** @typedef {{ runs: Card[], shown: number | null, going: boolean }} Strip  the latest runs. */

/**
 * @typedef {object} QueueEntry
 * @property {number} run
 * @property {RunState} state
 * @property {string} name
 * @property {string} seed  decimal; it may be larger than a number of JavaScript holds.
 * @property {number} [step]
 * @property {number} [steps]
 * @property {number | null} [seconds]
 */
/** @typedef {{ runs: QueueEntry[], paused: boolean }} Queue */

/**
 * @typedef {object} HistoryPage
 * @property {Card[]} cards
 * @property {boolean} append  whether they come after those that are there.
 * @property {boolean} more
 * @property {number} total
 * @property {boolean} bin
 * @property {boolean} going  whether a run among them is under way.
 * @property {boolean} [changed]
 * @property {number} [serial]  of the question.
 * @property {number} token
 * @property {string[]} categories
 * @property {[number, string, number][]} collections  id, name and number of runs.
 */

/**
 * @typedef {object} HistoryDetail
 * @property {number} run
 * @property {RunState} state
 * @property {number} [looked]
 * @property {string} name
 * @property {boolean} deleted
 * @property {string | null} photo
 * @property {string | null} image
 * @property {string} [error]
 * @property {string} [note]  of the studio.
 * @property {string} words  of the person.
 * @property {string} saved
 * @property {string} file
 * @property {string | null} sheet
 * @property {[number, string][]} collections  id and name.
 * @property {string[]} known  names of all collections.
 * @property {[string, string][]} facts
 * @property {[string, string][]} details
 * @property {string[]} candidates
 * @property {Download} [download]
 */

/**
 * @typedef {object} InsightMap
 * @property {number[]} ids
 * @property {number[]} kinds  index into `names`; their count stands for all others.
 * @property {string[]} names
 * @property {number[]} counts
 * @property {number[]} xy  x and y of each entry in turn.
 * @property {[number, number]} extent
 * @property {[[number, number], [number, number]] | null} own  e and ê.
 * @property {[number, number]} share  of the variance.
 */
/** @typedef {{ id: number, similarity: number, weight: number, shape: string }} Neighbour */
/** @typedef {Record<string, number> & { run: number, when: string, total: number, steps: number }} Timing */
/**
 * @typedef {object} Insight
 * @property {string} state
 * @property {number} token
 * @property {InsightMap | null} map
 * @property {Neighbour[] | null} nearest
 * @property {{ low: number, high: number, mean: number, counts: number[] } | null} similarity
 * @property {{ k: number, choice: number, id: number, iou: number }[] | null} by_k
 * @property {[number, number][] | null} by_alpha  α and cos(e, ê).
 * @property {number} k
 * @property {number} alpha
 * @property {Source} source
 * @property {Timing[]} timings
 */
/** @typedef {{ id: number, shape: string, source: string, attributes: string[] }} InsightEntry */

export {};
