def check(o,t,p): return []
def refuse(p): return []
