"""How a process of Gator starts and ends: encoding, standard streams, signals, imports, exit."""
