"""Entries in and out of a bank: archives, folders of pictures, folders with masks, COCO segmentation."""
