"""Does retrieval find the right shape?"""
