def settings(p): return ()
