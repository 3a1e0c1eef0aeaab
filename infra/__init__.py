"""What every process here stands on before it knows that it serves food."""
