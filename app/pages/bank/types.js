/** What the Bank page asks of Python, and what Python tells it, as types; there is no code here. */

/** @typedef {[value: string, label: string, count: number]} Choice */

/** @typedef {{ revision: number, text: string }} Step  an action of the bank's log. */

/**
 * The bank that lies open.
 * @typedef {object} BankState
 * @property {string} id  of the bank, as `banks` has it.
 * @property {string} name
 * @property {string} version
 * @property {number} entries  not in the bin.
 * @property {boolean} bundled  whether the first change makes a copy.
 * @property {Step | null} undo  what would be taken back.
 * @property {Step | null} redo
 * @property {string} author  login, or "".
 * @property {{ id: string, name: string, entries: number, bundled: boolean }[]} banks
 * @property {{ id: string, name: string, why: string, foreign: boolean }[]} unusable  `foreign` ones can be encoded.
 * @property {string} encoding  how far the encoding of one is; "" before there was one.
 */

/**
 * @typedef {object} Facets
 * @property {{ key: string, name: string, values: string[], counts: Record<string, number> }[]} attributes
 * @property {[string, number][]} sources
 * @property {[string, number][]} tags
 * @property {string[]} measures  that garments are drafted by.
 */

/**
 * @typedef {object} Found
 * @property {string} ids  of all entries that fit, in order.
 * @property {string} version
 * @property {Facets} [facets]
 */

/** @typedef {'enabled' | 'disabled' | 'bin'} EntryState */
/**
 * @typedef {{ id: number, revision: number, shape: string, title: string, note: string, state: EntryState }} BankCard
 */

/** @typedef {{ box: [number, number, number, number], outline: string, lines: [string, string][] }} Drawing  in cm. */
/** @typedef {import('../../web/shared/views.js').MeasureField} MeasureField */

/**
 * Measures that were read off an outline.
 * @typedef {{ kind: string, overlap: number, measures: MeasureField[] }} ReadMeasures
 */

/**
 * @typedef {object} Entry
 * @property {number} id
 * @property {number} revision
 * @property {string} shape
 * @property {EntryState} state
 * @property {string} source
 * @property {string[]} tags
 * @property {Record<string, string>} attributes
 * @property {Drawing | null} drawing
 * @property {string} kind
 * @property {MeasureField[]} measures
 * @property {[string, string][]} facts
 * @property {{ id: number, similarity: number, shape: string }[]} neighbours
 * @property {{ revision: number, text: string }[]} history
 * @property {string[]} findings
 */

/**
 * Something that is about to be added.
 * @typedef {object} Proposal
 * @property {string} token
 * @property {string} name
 * @property {string} [error]  why it can't be.
 * @property {string} [note]  what to know of how it was found.
 * @property {number} size  of the mask, pixels.
 * @property {string} mask  run lengths.
 * @property {string | null} photo  data URL of the photo in the mask's frame.
 * @property {Record<string, string>} attributes
 * @property {string[]} tags
 * @property {string} source
 */

/**
 * What is known of a proposal as it is drawn now.
 * @typedef {object} Assay
 * @property {string[]} findings
 * @property {string | null} repeats  what it is the same as.
 * @property {{ id: number, similarity: number, iou: number, shape: string }[]} near
 * @property {Record<string, string>} [proposed]  attributes that measures say.
 */

/**
 * @typedef {object} BankCloud
 * @property {string} ids
 * @property {string} xy  x and y of each in turn.
 * @property {string} kinds
 * @property {string[]} names
 * @property {[number, number]} extent
 */

/**
 * An empty corner of a bank.
 * @typedef {object} Gap
 * @property {string} text
 * @property {Record<string, string>} attributes
 * @property {number} near
 * @property {string | null} kind  of the pattern that would fill it.
 * @property {Record<string, number>} measures
 */

/** @typedef {{ ids: number[], words: string, shapes: string[] }} QualityGroup */
/** @typedef {{ title: string, note: string, groups: QualityGroup[] }} QualityList */

/**
 * Entries of a category by two measures or attributes.
 * @typedef {object} Cell
 * @property {string} category
 * @property {string} first
 * @property {string} second
 * @property {string[]} rows
 * @property {string[]} columns
 * @property {number[][]} counts
 */

/**
 * An entry that somebody else changed meanwhile, as it is and as it would be.
 * @typedef {object} ClashEntry
 * @property {number} id
 * @property {number} revision
 * @property {string} by  who changed it.
 * @property {string[]} edits
 * @property {string} theirs  its outline, a data URL.
 * @property {string} mine
 * @property {[name: string, theirs: string, mine: string][]} rows  what differs beside the outline.
 * @property {boolean} redrawn  whether the outline does.
 * @property {boolean} gone  whether it is in the bin.
 */

/** @typedef {{ message: string, entries: ClashEntry[] }} Clash */

/** @typedef {{ name: string, version: string, at: string, note: string, revision: number }} Snapshot */
/** @typedef {{ id: number, words: string, shape: string, landmark: boolean }} Candidate  that a photo finds. */
/** @typedef {{ name: string, then: Candidate[], now: Candidate[] }} Moved  a photo, by two versions of the bank. */
/** @typedef {{ added: number[], removed: number[], changed: number[], words: string, photos: Moved[] }} Difference */
/** @typedef {{ token: string, words: string[], good: boolean }} Plan  of an import, before anything is added. */

/**
 * What is about to be added, or what an entry is to be: an outline with the token of its proposal, or a kind with
 * measures. `entry` is the one that is changed.
 * @typedef {object} Draft
 * @property {string} [token]
 * @property {string} [mask]  run lengths.
 * @property {string} [kind]
 * @property {Record<string, number>} [measures]
 * @property {Record<string, string>} attributes
 * @property {string[]} tags
 * @property {number | null} entry
 */

/** @typedef {{ seen?: Record<string, number> }} Seen  the revision of each entry as it was shown. */
/** @typedef {{ ids?: number[], revisions?: { id: number, revision: number }[], conflict?: Clash }} Changed */
/** @typedef {{ list: QualityList }} Listed */
/** @typedef {{ action: string, ids: number[], value?: unknown }} Change */

/**
 * The questions, by name, with what goes along; `page.py` has who answers each.
 * @typedef {object} Questions
 * @property {{}} open
 * @property {{ version?: string, encoding?: string }} state  as the page knows it.
 * @property {{ token: string }} progress  of what takes long.
 * @property {{ filter: unknown, near?: number, facets: boolean }} find
 * @property {{ ids: number[] }} cards
 * @property {{ id: number }} entry
 * @property {{}} map
 * @property {{ kind: string, measures?: Record<string, number> }} kind
 * @property {{ kind: string, measures: Record<string, number> }} draw
 * @property {Change & Seen} change
 * @property {{ expected?: number }} undo  the revision that is meant.
 * @property {{ expected?: number }} redo
 * @property {{}} versions
 * @property {{ name: string }} snapshot
 * @property {{ old: string }} go_back  to this version.
 * @property {{ name: string }} bank_create
 * @property {{ name: string }} bank_copy
 * @property {{ name: string }} bank_rename
 * @property {{ id: string }} bank_switch
 * @property {{ id: string }} bank_encode
 * @property {{ id: number }} outline
 * @property {Draft} assay
 * @property {Draft | { id: number }} read
 * @property {Draft & Seen} save
 * @property {{ token: string }} import  of a plan.
 * @property {{ list: string }} quality
 * @property {{}} coverage
 * @property {{ old: string }} compare  this version with now.
 * @property {{}} try_photos
 */

/**
 * What Python answers to each, beside what `Told` has.
 * @typedef {object} Answers
 * @property {{}} open
 * @property {{}} state
 * @property {{ done?: number, entries?: number }} progress
 * @property {Found} find
 * @property {{ cards: BankCard[] }} cards
 * @property {{ entry: Entry }} entry
 * @property {{ cloud: BankCloud }} map
 * @property {import('../../web/shared/measures.js').Sliders} kind
 * @property {import('../../web/shared/measures.js').Drawn} draw
 * @property {Changed} change
 * @property {{}} undo
 * @property {{}} redo
 * @property {{ snapshots: Snapshot[], edits: string[] }} versions
 * @property {{}} snapshot
 * @property {{}} go_back
 * @property {{}} bank_create
 * @property {{}} bank_copy
 * @property {{}} bank_rename
 * @property {{}} bank_switch
 * @property {{}} bank_encode
 * @property {{ proposal: Proposal, revision: number }} outline
 * @property {Assay} assay
 * @property {{ read: ReadMeasures | null }} read
 * @property {Changed} save
 * @property {{}} import
 * @property {Listed} quality
 * @property {{ gaps: Gap[], more: number, cells: Cell[] }} coverage
 * @property {{ difference: Difference }} compare
 * @property {{ photos: { name: string, found: Candidate[] }[] }} try_photos
 */

/**
 * What may come with any answer.
 * @typedef {object} Told
 * @property {string} [refused]  why nothing was done.
 * @property {string} [message]
 * @property {BankState} [bank]
 */

/**
 * What Python tells by itself: of files that were given, and of what other pages did to the bank.
 * @typedef {object} Arrived
 * @property {string} [refused]
 * @property {string} [message]
 * @property {BankState} [bank]
 * @property {Proposal[]} [proposals]
 * @property {boolean} [tried]
 * @property {Plan} [plan]
 * @property {boolean} [changed]
 */

export {};
